"""What does not agree between the county and its provider: written once, settled by a person with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError

from core.audit import Entry
from core.expr.clock import china_day
from core.identity.required import require_role
from core.payments.house import DIFFERENCE_REASON, House, checked_reason
from core.payments.rows import Difference, add_once, change
from core.store.database import Transaction
from core.store.ids import uuid7
from core.store.rows import lock, read

Line = Literal["pay", "refund"]
Kind = Literal["missing_here", "missing_there", "amount", "state"]
#: Who compares the county's money with the bank's.
ACCOUNTANTS = frozenset({"finance_officer"})
REFUSAL = "只有财务对账人员可以办理"


class Differences:
    def __init__(self, house: House) -> None:
        self._house = house

    async def note(
        self, tx: Transaction, line: Line, number: str, kind: Kind, *, ours: int | None = None,
        theirs: int | None = None, ref: str | None = None, day: date | None = None,
    ) -> bool:  # fmt: skip
        """Once per line, kind and number of the provider's; False when it is known."""
        now = self._house.clock()
        row = Difference(
            id=uuid7(), day=day or china_day(now), provider=self._house.provider.name, line=line, number=number,
            kind=kind, ours_fen=ours, theirs_fen=theirs, provider_ref=ref or "", found_at=now, settled_at=None,
            settled_by=None, reason=None,
        )  # fmt: skip
        return await add_once(tx, self._house.dialect, row)

    async def of_day(self, actor: Actor, day: date) -> list[Difference]:
        require_role(actor, ACCOUNTANTS, REFUSAL)
        return await read(self._house.database, self._house.dialect, Difference, "day = {day} ORDER BY id", day=day)

    async def open_count(self) -> int:
        text = "SELECT count(*) FROM tb_payment_difference WHERE settled_at IS NULL"
        return int(await self._house.database.fetch_value(text, []))

    async def settle(
        self, actor: Actor, line: str, number: str, kind: str, reason: str, *, provider: str = "", ref: str = ""
    ) -> Difference:
        """Looked into by a person: what it was and what was done about it. `provider` and its own number (`ref`) say
        which, where one line differs more than once."""
        require_role(actor, ACCOUNTANTS, REFUSAL)
        words, house = checked_reason(reason), self._house
        named = {"line": line, "number": number, "kind": kind, "provider": provider, "provider_ref": ref}
        named = {name: value for name, value in named.items() if value}
        where = " AND ".join(f"{name} = {{w_{name}:{name}}}" for name in named) + lock(house.dialect)
        async with house.database.transaction() as tx:
            found = await read(
                tx, house.dialect, Difference, where, **{f"w_{name}": value for name, value in named.items()}
            )
            id = _one(found).id
            new = {"settled_at": house.clock(), "settled_by": actor.id}
            sealed = house.vault.seal(words, DIFFERENCE_REASON + id)
            await change(tx, house.dialect, Difference, id, reason=sealed, **new)
            await house.audit.within(tx, Entry(actor, "difference.settle", detail=f"{line} {number} {kind}"))
            (done,) = await read(tx, house.dialect, Difference, "id = {id}", id=id)
        return done


def _one(found: Sequence[Difference]) -> Difference:
    """The one that is open."""
    if not found:
        raise NotFoundError("找不到这条差异")
    waiting = [one for one in found if one.settled_at is None]
    if not waiting:
        raise ConflictError("这条差异已经处理过了")
    if len(waiting) > 1:
        raise ConflictError(
            f"这样的差异有 {len(waiting)} 条", hint="写明渠道（provider）和渠道流水号（providerNumber）"
        )
    return waiting[0]
