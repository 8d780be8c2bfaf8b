"""What the auditor asks: lines, newest first, and how the chain stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.errors import InvalidInputError

from core.audit.rows import last_seal, read_checkpoint, read_lanes, read_rows, sealed_to
from core.audit.sealer import Sealer
from core.fields.times import parse_instant, utc_now
from core.store.audit_tables import AUDIT
from core.store.database import Database
from core.store.dialect import datetime_text
from core.store.statement import statement

FIRST_MAX = 100
#: A line waits this long for its seal at most, when all is well.
LAG_MAX_S = 10.0
#: What lines may be asked by: filter → condition.
CONDITIONS: Mapping[str, str] = {
    "actor": "actor = {actor}",
    "action": "action = {action}",
    "entity": "entity = {entity}",
    "row_id": "row_id = {row_id}",
    "result": "result = {result}",
    "case": '"case" = {case}',
    "since": "at >= {since:at}",
    "until": "at < {until:at}",
    "subject": "EXISTS (SELECT 1 FROM tb_audit_subject s WHERE s.person = {subject:actor} "
    "AND s.lane = tb_audit.lane AND s.number = tb_audit.number)",
}
AFTER = "(at, lane, number) < ({a:at}, {b:lane}, {c:number})"


@dataclass(frozen=True, slots=True)
class State:
    """How the chain stands, as this process sees it."""

    last_seal: int
    sealed_at: datetime | None
    waiting: int
    lag_s: float
    trouble: str

    @property
    def ok(self) -> bool:
        return not self.trouble and self.lag_s <= LAG_MAX_S


@dataclass(frozen=True, slots=True)
class Page:
    """Which lines are asked for. InvalidInputError when it makes no sense."""

    first: int
    after: tuple[datetime, int, int] | None

    @classmethod
    def of(cls, first: int, after: str | None) -> Page:
        if not 1 <= first <= FIRST_MAX:
            raise InvalidInputError(f"first 应为 1 到 {FIRST_MAX}")
        return cls(first, None if after is None else _place(after))


async def read_page(database: Database, filters: Mapping[str, Any], page: Page) -> list[Mapping[str, Any]]:
    """At most `first` + 1 lines that fit all filters, newest first."""
    given = {name: value for name, value in filters.items() if value is not None}
    conditions = [CONDITIONS[name] for name in given]
    if page.after is not None:
        conditions.append(AFTER)
        given |= dict(zip("abc", page.after, strict=True))
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    rest = f"{where}ORDER BY at DESC, lane DESC, number DESC LIMIT {page.first + 1}"
    return await read_rows(database, database.dialect, AUDIT, rest, **given)


def cursor_of(line: Mapping[str, Any]) -> str:
    """The place of a line in time: `at`, `lane` and `number` of it."""
    text = f"{datetime_text(line['at'])} {line['lane']} {line['number']}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _place(cursor: str) -> tuple[datetime, int, int]:
    try:
        at, lane, number = base64.urlsafe_b64decode(cursor).decode().split(" ")
        place = parse_instant(at), int(lane), int(number)
        if not all(0 <= one < 2**63 for one in place[1:]):
            raise ValueError
        return place
    except (ValueError, binascii.Error):
        raise InvalidInputError("after 不是上一页给出的 endCursor") from None


async def read_state(database: Database, sealer: Sealer) -> State:
    dialect = database.dialect
    last, (base, _) = await last_seal(database, dialect), await read_checkpoint(database, dialect)
    sealed = await sealed_to(database, base)
    waiting, oldest = 0, None
    for lane in await read_lanes(database, dialect):
        done = sealed.get(lane["id"], 0)
        waiting += max(0, lane["number"] - done)
        if lane["number"] > done:
            text = "SELECT at FROM tb_audit WHERE lane = {lane} AND number = {number}"
            at = await database.fetch_value(*statement(dialect, AUDIT, text, lane=lane["id"], number=done + 1))
            found = dialect.load(AUDIT.column("at"), at)
            oldest = found if oldest is None or (found and found < oldest) else oldest
    lag_s = (utc_now() - oldest).total_seconds() if oldest else 0.0
    return State(last.id if last else base.id, last.at if last else None, waiting, max(0.0, lag_s), sealer.trouble)
