"""Cases whose clock runs, as their rows say, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

from core.clock.calendar import FIRST, instant
from core.clock.days import Stretch
from core.clock.moves import Running
from core.clock.rows import COUNTRY
from core.expr.subtree import subtree_range
from core.manifest.cases import Limit
from core.store.case_tables import CASE, CASE_PAUSE
from core.store.database import Database
from core.store.statement import load_row, statement

PAGE = 200
#: Units no calendar moves.
_FIXED = frozenset({"S", "MIN", "H"})
_NAMES = ("id", "number", "division", "started_at", "limit", "due_at", "is_provisional")
_PAUSE = ("case_id", "from_at", "until_at", "reason")


async def running_cases(
    database: Database, division: str = "", *, due_from: date | None = None
) -> AsyncIterator[Running]:
    """Open cases with a due date in a division and below it; a case that stands still has none to be moved.

    `due_from` leaves out what is due before that day: what happens after a limit is over moves it no more."""
    after, columns = "", ", ".join(f'"{name}"' for name in _NAMES)
    first, last = subtree_range(division) if division not in ("", COUNTRY) else ("0", "9" * 12)
    values = {"first": first, "last": last, "earliest": instant(max(due_from or FIRST, FIRST).toordinal(), 0)}
    while True:
        text = (
            f"SELECT {columns} FROM tb_case WHERE phase = 'open' AND due_at >= {{earliest:due_at}} "
            f"AND division >= {{first:division}} AND division <= {{last:division}} "
            f"{'AND id > {after:id}' if after else ''} ORDER BY id LIMIT {PAGE}"
        )
        found = await database.fetch(*statement(database.dialect, CASE, text, **values, after=after))
        rows = [load_row(database.dialect, CASE, _NAMES, row) for row in found]
        timed = [row for row in rows if row["started_at"] and row["limit"] and row["limit"][1] not in _FIXED]
        pauses = await _pauses(database, [row["id"] for row in timed])
        for row in timed:
            yield _running(row, pauses.get(row["id"], ()))
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


async def _pauses(database: Database, ids: Sequence[str]) -> Mapping[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = defaultdict(list)
    if ids:
        dialect, column = database.dialect, CASE_PAUSE.column("case_id")
        chosen = dialect.in_list("case_id", dialect.placeholder(1), column)
        text = f"SELECT {', '.join(_PAUSE)} FROM tb_case_pause WHERE status = 'ended' AND {chosen} ORDER BY from_at"
        for raw in await database.fetch(text, [dialect.bind_list(column, list(ids))]):
            row = load_row(dialect, CASE_PAUSE, _PAUSE, raw)
            found[row["case_id"]].append(Stretch(row["from_at"], row["until_at"], row["reason"]))
    return found


def _running(row: Mapping[str, Any], pauses: Sequence[Stretch]) -> Running:
    value, unit, calendar, basis = row["limit"]
    limit = Limit(value, unit, calendar, basis)
    return Running(
        row["id"], row["number"], row["division"], row["started_at"], limit, pauses, row["due_at"],
        row["is_provisional"],
    )  # fmt: skip
