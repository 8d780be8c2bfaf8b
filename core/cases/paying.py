"""Fees of a case: a step opens the bill, the case goes on when all of them are paid, and ends without what is owed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tongban_sdk.errors import ConflictError

from core.cases.cases import Cases
from core.cases.effects import event_row
from core.cases.entering import PAID, automatic, enter
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.step import Step
from core.cases.timers import Timer, timer_row
from core.fields.times import utc_now
from core.manifest.fees import Fee, fee_of
from core.payments import Payments
from core.payments.bills import Debtor
from core.payments.rows import fen_of
from core.store.database import Transaction

#: Ends after which nothing is owed.
FORGIVEN = ("refused", "withdrawn", "merged")


def collect(cases: Cases, payments: Payments) -> None:
    """Join both rooms."""

    async def payment(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        fee = fee_of(step.live.world, str(args["fee"]))
        if fee is None:
            raise ConflictError(f"收费 {args['fee']} 已经没有了，这一步没有办", hint="请联系系统管理员")
        (amount,) = await step.values([fee.amount])
        if amount is None:
            raise ConflictError(f"“{fee.title}”的金额算不出来，这一步没有办", hint="请先补齐计算金额要用的内容")
        await payments.bills.open_in(tx, step.actor, fee, await _debtor(step, fee, amount), step.now)

    async def paid(engine: Engine, tx: Transaction, timer: Timer) -> None:
        """All that was owed is paid, waived or void: the state's `on_paid` step, in the engine's own name."""
        assert timer.case_id is not None
        step = await system_step(engine, tx, timer.case_id, PAID)
        action = step.workflow.actions.get(step.state.on_paid)
        if action is None or not step.case.is_open or await payments.bills.owed_in(tx, timer.case_id):
            return
        if to := await automatic(step, action):
            await enter(step, to)
            step.rows.append(event_row(step, "case.state"))
        await step.finish()

    async def look(tx: Transaction, case_id: str) -> None:
        await tx.insert([timer_row(PAID, utc_now(), case_id=case_id)])

    async def ended(step: Step) -> None:
        if step.case.phase in FORGIVEN:
            await payments.bills.void_in(step.tx, step.actor, step.case.id, step.now)

    cases.effects.register("payment", payment)
    cases.effects.ended.append(ended)
    cases.timers.register(PAID, paid)
    payments.house.settled.append(look)


async def _debtor(step: Step, fee: Fee, amount: Decimal | int) -> Debtor:
    """The payer the fee names, else the applicant."""
    case, whom = step.case, {"person": step.case.applicant, "legal_entity": step.case.legal_entity}
    if fee.payer:
        payer = (await step.read_row()).get(fee.payer)
        to_person = step.entity.fields[fee.payer].to == "core.person"  # type: ignore[attr-defined]  # checked: a ref
        whom = {"person": payer if to_person else None, "legal_entity": None if to_person else payer}
    if whom["legal_entity"] is not None:
        whom["person"] = None
    if not any(whom.values()):
        raise ConflictError(f"“{fee.title}”没有人缴，这一步没有办", hint="办件没有申请人，请先补上缴费的人")
    return Debtor(case.row_id, case.division, fen_of(amount), "", case_id=case.id, case_number=case.number, **whom)
