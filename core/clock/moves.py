"""Which running cases get another due date when days or duty hours change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock.calendar import Calendar
from core.clock.days import Stretch
from core.clock.due import due
from core.manifest.cases import Limit

#: Cases computed between two looks at the event loop.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Running:
    """A limit that runs: of a case, or of a task."""

    id: str
    #: Case number, for people.
    number: str
    division: str
    start: datetime
    limit: Limit
    pauses: Sequence[Stretch]
    due_at: datetime
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of it; `at` may equal `case.due_at` when only 暂定 comes or goes."""

    case: Running
    at: datetime
    is_provisional: bool


async def preview(cases: AsyncIterable[Running], calendar_of: Callable[[str], Calendar]) -> list[Move]:
    """Those whose due date is another by these calendars (division → calendar), in the order given."""
    moves, seen = [], 0
    async for case in cases:
        new = due(calendar_of(case.division), case.start, case.limit, case.pauses)
        if (new.at, new.is_provisional) != (case.due_at, case.is_provisional):
            moves.append(Move(case, new.at, new.is_provisional))
        seen += 1
        if seen % AT_ONCE == 0:
            await asyncio.sleep(0)
    return moves
