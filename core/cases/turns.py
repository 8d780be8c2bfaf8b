"""What some kinds of actions do beyond leading to a state: extend a limit, ask for a suspension, open an ended case."""

from __future__ import annotations

from tongban_sdk.errors import ConflictError

from core.cases import merging, records, suspending
from core.cases.rows import Pause
from core.cases.step import Step, count_of
from core.cases.suspending import Wish
from core.cases.timing import CLOSED, limit_of, limit_row, retime
from core.manifest.cases import CaseAction, Limit
from core.store.ids import uuid7


async def turn(step: Step, action: CaseAction, wish: Wish) -> None:
    """Before the step itself; refuses with a RequestError."""
    match action.kind:
        case "extend":
            await _extend(step, action)
        case "suspend":
            await suspending.ask(step, wish)
        case "reopen":
            await _reopen(step)
        case "withdraw" if await merging.has_reporters(step):
            raise ConflictError("别人也反映了同一个问题，办件要办下去，不能撤回")
        case _:
            pass


def check_stands(step: Step, action: CaseAction) -> None:
    """A suspended case can be withdrawn and nothing else; what joined another case goes on there."""
    if step.case.phase == merging.MERGED:
        raise ConflictError("这件办件已并入另一件，随那一件办理", hint="请看并入的办件")
    if action.kind != "withdraw" and suspending.suspension(step) is not None:
        raise ConflictError(f"办件已挂起，不能“{action.title}”", hint="请先恢复办理")


async def _extend(step: Step, action: CaseAction) -> None:
    """By what the action says, once unless it says otherwise (行政许可法第四十二条)."""
    case, by = step.case, action.by
    if case.limit is None or by is None:
        raise ConflictError("这件办件没有办理时限，不能延长")
    if not action.times_max and count_of(step, action):
        raise ConflictError("办理时限只能延长一次")
    old = limit_of(case)
    if old.unit != by.unit:
        raise ConflictError("延长的单位与办理时限的单位不同，不能相加", hint="请联系系统管理员检查办理流程")
    basis = "；".join(part for part in (old.basis, by.basis) if part)
    step.change(limit=limit_row(Limit(old.value + by.value, old.unit, old.calendar, basis)))
    await retime(step)


async def _reopen(step: Step) -> None:
    """The time it was closed does not count."""
    pause = Pause(
        id=uuid7(), case_id=step.case.id, reason=CLOSED, asked_by=step.actor.id or "system",
        approved_by=step.actor.staff or step.actor.id, from_at=step.case.closed_at, until_at=step.now, status="ended",
    )  # fmt: skip
    step.pauses[pause.id] = pause
    step.change(phase="open", closed_at=None, outcome=None)
    await retime(step)
    await records.reopen(step)
