"""When cases and tasks are due, what colour they have, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Protocol

from core.cases.deadlines import set_due, set_levels
from core.cases.rows import Case, Pause
from core.cases.step import Step, ranked
from core.cases.timers import BUNDLE, timer_row
from core.clock import Calendar, Due, Stretch, due, explain, shares
from core.fields.times import utc_now
from core.manifest.cases import Limit
from core.store.ids import uuid7

Colour = Literal["none", "green", "yellow", "orange", "red", "purple"]
#: Share of the limit at which a colour begins; red begins when it is over.
PERCENTS = {"yellow_at": 50, "orange_at": 80, "purple_at": 200}
NO_LIMIT: Mapping[str, Any] = {
    "due_at": None,
    "yellow_at": None,
    "orange_at": None,
    "purple_at": None,
    "is_provisional": False,
}
#: Reasons no workflow names: a case was closed before it was opened again; a child of the bundle stands still.
CLOSED, CHILD = "closed", "child"
TITLES: Mapping[str, str] = {CLOSED: "办结后重开", CHILD: "等待子办件"}


class Timed(Protocol):
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def yellow_at(self) -> datetime | None: ...
    @property
    def orange_at(self) -> datetime | None: ...
    @property
    def purple_at(self) -> datetime | None: ...


def colour(row: Timed, now: datetime | None = None) -> Colour:
    """Of a case or task that is not over: green while more than half of the limit is left, yellow, orange (a fifth),
    red when it is over, purple when twice of it is."""
    now = now or utc_now()
    steps: tuple[tuple[Colour, datetime | None], ...] = (
        ("purple", row.purple_at), ("red", row.due_at), ("orange", row.orange_at), ("yellow", row.yellow_at),
    )  # fmt: skip
    if row.due_at is None:
        return "none"
    for name, since in steps:
        if since is not None and since <= now:
            return name
    return "green"


def times(calendar: Calendar, start: datetime, limit: Limit, pauses: Sequence[Stretch] = ()) -> dict[str, Any]:
    """Columns of a case or task; canonical."""
    return _columns(due(calendar, start, limit, pauses))


def _columns(end: Due) -> dict[str, Any]:
    found = zip(PERCENTS, shares(end, list(PERCENTS.values())), strict=True)
    return {"due_at": end.at, "is_provisional": end.is_provisional, **dict(found)}


async def begin_clock(step: Step) -> None:
    """The limit of the service item begins: what was promised, else what the law says."""
    limit = step.service.promise or step.service.legal
    if step.case.started_at is None:
        # A limit that came with the filing goes before that of its item.
        step.change(started_at=step.now, limit=step.case.limit or (limit_row(limit) if limit else None))
    await retime(step)


async def retime(step: Step) -> None:
    """Work out anew when the case is due; its live tasks without a limit of their own are due with it."""
    case, before = step.case, step.case.due_at
    _tell_parent(step)
    if case.started_at is None or case.limit is None or not case.is_open:
        return
    levels: list[tuple[int, datetime]] = []
    if any(pause.status == "running" for pause in step.pauses.values()):
        new = dict(NO_LIMIT)
    else:
        calendar = await step.engine.calendars.of(case.division)
        end = due(calendar, case.started_at, limit_of(case), stretches(step.pauses.values()))
        new = _columns(end)
        if percents := [level.at_percent for level in step.workflow.escalation]:
            levels = list(zip(percents, shares(end, percents), strict=True))
    step.change(**new)
    await set_levels(step, levels)
    for task in step.live_tasks:
        if task.due_at == before and step.workflow.states[task.state].within is None:
            step.change_task(task.id, **new, ranked_at=ranked(new["due_at"]))


def _tell_parent(step: Step) -> None:
    """The clock of a bundle stands still with that of its children."""
    if step.case.parent is not None and not step.is_new:
        step.rows.append(timer_row(BUNDLE, step.now, case_id=step.case.parent))


async def retime_tasks(step: Step) -> None:
    """Work out anew when live tasks with a limit of their own are due: the calendar has changed, or the case was
    suspended. A state that stops the clock of the case does not stop its own."""
    calendar = await step.engine.calendars.of(step.case.division)
    suspensions = [pause for pause in step.pauses.values() if pause.approved_by is not None]
    stands = any(pause.status == "running" for pause in suspensions)
    for task in step.live_tasks:
        state = step.workflow.states[task.state]
        if state.within is not None:
            new = NO_LIMIT if stands else times(calendar, task.opened_at, state.within, stretches(suspensions))
            step.change_task(task.id, **new, ranked_at=ranked(new["due_at"]))
            await set_due(step, task.id, new["due_at"], state.on_due)


async def task_times(step: Step, limit: Limit | None) -> dict[str, Any]:
    """Of a task that opens now: by its own limit, else those of the case."""
    if limit is not None:
        found = times(await step.engine.calendars.of(step.case.division), step.now, limit)
    else:
        found = {name: getattr(step.case, name) for name in NO_LIMIT}
    return {**found, "ranked_at": ranked(found["due_at"])}


async def pause(step: Step, reason: str, *, asked_by: str = "", approved_by: str | None = None) -> None:
    """The clock of the case stands still from now on; nothing when it does for this reason already."""
    if any(found.status == "running" and found.reason == reason for found in step.pauses.values()):
        return
    found = Pause(
        id=uuid7(), case_id=step.case.id, reason=reason, asked_by=asked_by or step.actor.id or "system",
        approved_by=approved_by, from_at=step.now, until_at=None, status="running",
    )  # fmt: skip
    step.pauses[found.id] = found
    step.change(phase="paused")
    await retime(step)


async def resume(step: Step, reason: str) -> None:
    """It runs again, unless it stands still for another reason too."""
    for found in list(step.pauses.values()):
        if found.status == "running" and found.reason == reason:
            step.pauses[found.id] = replace(found, status="ended", until_at=step.now)
    if step.case.phase == "paused" and not any(found.status == "running" for found in step.pauses.values()):
        step.change(phase="open")
        await retime(step)


async def end_pauses(step: Step) -> None:
    """The case ends: whatever stood still is over, and the case has its due date again."""
    for found in list(step.pauses.values()):
        if found.status == "running":
            step.pauses[found.id] = replace(found, status="ended", until_at=step.now)
    if step.case.phase == "paused":
        step.change(phase="open")
        await retime(step)


def stood_s(pauses: Iterable[Pause], now: datetime) -> int:
    """Seconds of the wall clock a case has stood still, whatever the unit of its limit; what runs counts until now."""
    ends = [(p.from_at, p.until_at if p.status == "ended" else now) for p in pauses if p.status in ("ended", "running")]
    return sum(int((until - since).total_seconds()) for since, until in ends if since and until)


def stretches(pauses: Iterable[Pause]) -> list[Stretch]:
    """Pauses that are over, as the clock counts them."""
    return [
        Stretch(pause.from_at, pause.until_at, pause.reason)
        for pause in pauses
        if pause.status == "ended" and pause.from_at and pause.until_at and pause.from_at < pause.until_at
    ]


def limit_row(limit: Limit) -> list[Any]:
    return [limit.value, limit.unit, limit.calendar, limit.basis]


def limit_of(case: Case) -> Limit:
    assert case.limit is not None
    return Limit(*case.limit)


def explain_due(calendar: Calendar, case: Case, pauses: Sequence[Pause], titles: dict[str, str]) -> str:
    """Why the case is due when it is, in one Chinese sentence; "" without a limit or before the clock has begun."""
    if case.started_at is None or case.limit is None:
        return ""
    titles = {**TITLES, **titles}
    running = next((pause for pause in pauses if pause.status == "running"), None)
    if running is not None:
        return f"因{titles.get(running.reason, running.reason)}，办理时限暂停计算"
    limit, stops = (
        limit_of(case),
        [Stretch(stop.since, stop.until, titles.get(stop.reason, stop.reason)) for stop in stretches(pauses)],
    )
    return explain(due(calendar, case.started_at, limit, stops), limit, case.started_at, stops)
