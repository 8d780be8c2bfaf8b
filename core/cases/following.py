"""Due dates follow the calendar: a notice was loaded, so some cases are due on another day."""

from __future__ import annotations

from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.timing import retime, retime_tasks
from core.clock import Clock

CALENDAR = "calendar"


async def follow_calendar(engine: Engine, clock: Clock) -> int:
    """Move what the calendar of now moves, each case in a transaction of its own; how many. Safe to run twice."""
    version = await clock.unmoved()
    if version is None:
        return 0
    engine.calendars.forget()
    moved = await clock.moves()
    for move in moved:
        async with engine.transaction() as tx:
            step = await system_step(engine, tx, move.case.id, CALENDAR)
            before = step.case.due_at
            await retime(step)
            await retime_tasks(step)
            if step.case.due_at != before:
                state = step.case.state
                step.record(CALENDAR, state, state, role="system", facts={"was": str(before)}, is_public=True)
            await step.finish()
    await clock.settle(version)
    return len(moved)
