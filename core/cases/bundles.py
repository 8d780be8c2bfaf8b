"""一件事: a case whose state has children opens them in their order and goes on when all are over.

Each look at a bundle is a timer of the parent's: a child never waits for its parent's row, nor it for theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from tongban_sdk.errors import InvalidInputError, NotFoundError, RequestError, UnavailableError

from core.access.service import service_actor
from core.cases.effects import event_row
from core.cases.entering import automatic, enter, next_step
from core.cases.filing import Filing, file_in
from core.cases.handing import Handing
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.rows import Case, Pause
from core.cases.step import Step
from core.cases.timers import BUNDLE, Timer, timer_row
from core.cases.timing import CHILD, pause, retime
from core.expr import Expr
from core.forms.view import form_of
from core.manifest.cases import SYSTEM_ROLE, Child, Service
from core.store.case_tables import TIMER
from core.store.database import Transaction
from core.store.ids import uuid7
from core.store.json_values import to_json
from core.store.rows import read
from core.store.statement import statement

#: Lines of the parent's trail.
OPENED, ENDED, FAILED = "child_opened", "child_ended", "child_failed"
#: How often a child is tried whose application is switched off.
AGAIN = timedelta(hours=1)
#: waiting: for others, or for its application; running; done; failed: refused, withdrawn, or never to be opened.
Standing = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The children of one state and how they stand."""

    children: Sequence[Child]
    #: The newest of each: a part that failed can be tried again.
    cases: Mapping[str, Case]
    #: Children that could not be filed.
    unfiled: frozenset[str]

    def standing(self, child: Child) -> Standing:
        case = self.cases.get(child.id)
        if case is not None:
            return "running" if case.is_open else "done" if case.outcome == "done" else "failed"
        named = [self.standing(other) for other in self.children if other.id in child.after]
        return "failed" if child.id in self.unfiled or "failed" in named else "waiting"

    def is_ready(self, child: Child) -> bool:
        named = [self.standing(other) for other in self.children if other.id in child.after]
        return self.standing(child) == "waiting" and all(standing == "done" for standing in named)

    def can_be_retried(self, child: Child) -> bool:
        """It failed by itself: what waits for another one that failed follows that one."""
        named = [self.standing(other) for other in self.children if other.id in child.after]
        return self.standing(child) == "failed" and all(standing == "done" for standing in named)

    @property
    def is_over(self) -> bool:
        return all(self.standing(child) in ("done", "failed") for child in self.children)


async def advance(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """Something may have changed below: open what can be opened, note what has ended, stop the clock or start it."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, BUNDLE)
    if not step.case.is_open or not step.state.children:
        return
    bundle, before = await bundle_of(step), len(step.trail)
    while ready := [child for child in bundle.children if bundle.is_ready(child)]:
        opened = [await _open(step, child) for child in ready]
        bundle = await bundle_of(step)
        if not any(opened):
            break
    note_ends(step, bundle)
    changed = await sync_clock(step, bundle)
    if bundle.is_over and (action := await next_step(step, step.state)) and (to := await automatic(step, action)):
        await enter(step, to)
        step.rows.append(event_row(step, "case.state"))
    if changed or step.rows or len(step.trail) != before:
        await step.finish()


async def bundle_of(step: Step) -> Bundle:
    cases = await read(
        step.tx, step.engine.database.dialect, Case, "parent = {parent} ORDER BY id", parent=step.case.id
    )
    unfiled = frozenset(row.facts["child"] for row in step.trail if row.action == FAILED and row.facts)
    return Bundle(step.state.children, {case.child: case for case in cases if case.child}, unfiled)


async def _open(step: Step, child: Child) -> bool:
    """In a savepoint of its own: what one child lacks is no other's matter. False: its application is away."""
    more = {"parent": step.case.id, "child": child.id}
    try:
        async with step.engine.database.transaction() as inner:
            case = await open_case(step, inner, child.service, child.values, more)
    except (UnavailableError, NotFoundError):
        await _look_again(step)
        return False
    except RequestError as error:
        problems = error.problems if isinstance(error, InvalidInputError) else ()
        facts = {"child": child.id, "error": error.code, "problems": sorted({problem.id for problem in problems})}
        _record(step, FAILED, facts)
        return True
    _record(step, OPENED, {"child": child.id, "number": case.number})
    return True


async def _look_again(step: Step) -> None:
    """Later; once, however often somebody looks before."""
    text = "SELECT 1 FROM tb_timer WHERE case_id = {case_id} AND kind = {kind} AND at > {now:at}"
    named = {"case_id": step.case.id, "kind": BUNDLE, "now": step.now}
    found = await step.tx.fetch(*statement(step.engine.database.dialect, TIMER, text, **named))
    if not found and not any(row.table is TIMER and row.values["kind"] == BUNDLE for row in step.rows):
        step.rows.append(timer_row(BUNDLE, step.now + AGAIN, case_id=step.case.id))


async def open_case(
    step: Step, tx: Transaction, service: str, values: Mapping[str, Expr], more: Mapping[str, Any]
) -> Case:
    """A case of another item, for the same applicant, in the rights of that item's application."""
    found = step.engine.definitions.newest(step.live.world, service, step.now)
    handing = Handing(step)
    given = {name: to_json(await handing.value(expr)) for name, expr in values.items()}
    filing = Filing(
        service_actor(found.plugin_id), found, {name: value for name, value in given.items() if value is not None},
        _channel(step, found), await _consents(step, found), step.case.applicant,
        {"legal_entity": step.case.legal_entity, **more},
    )  # fmt: skip
    return await file_in(step.engine, tx, filing, uuid7())


def _channel(step: Step, service: Service) -> str:
    return step.case.channel if step.case.channel in service.channels else service.channels[0]


async def _consents(step: Step, service: Service) -> tuple[str, ...]:
    """Nothing is ticked for anybody: what the applicant ticked in the bundle's own form counts here, if it is the same
    statement word for word."""
    keys = [row.facts["words"] for row in step.trail if row.facts and "words" in row.facts]
    ticked = await step.engine.definitions.words(keys[0]) if keys else {}
    asked = form_of(step.live.world, service).consents
    return tuple(sorted(id for id, text in asked.items() if ticked.get(id) == text))


def note_ends(step: Step, bundle: Bundle) -> None:
    noted = {row.facts["number"] for row in step.trail if row.action == ENDED and row.facts}
    for id, case in bundle.cases.items():
        if not case.is_open and case.number not in noted:
            _record(step, ENDED, {"child": id, "number": case.number, "outcome": case.outcome})


def _record(step: Step, action: str, facts: Mapping[str, Any]) -> None:
    step.record(action, step.case.state, step.case.state, role=SYSTEM_ROLE, facts=facts)


async def sync_clock(step: Step, bundle: Bundle) -> bool:
    """The parent's clock stands still while a child's does, from and to the same moments."""
    own = next((p for p in step.pauses.values() if p.status == "running" and p.reason == CHILD), None)
    pauses = [p for case in bundle.cases.values() for p in await _pauses(step, case)]
    running = [p.from_at for p in pauses if p.status == "running" and p.from_at]
    if running and own is None:
        await pause(step, CHILD, asked_by=SYSTEM_ROLE)
        own = next(p for p in step.pauses.values() if p.status == "running" and p.reason == CHILD)
        step.pauses[own.id] = replace(own, from_at=min(running))
        return True
    if own is None or running:
        return False
    ends = [
        p.until_at for p in pauses if p.status == "ended" and p.until_at and own.from_at and p.until_at >= own.from_at
    ]
    step.pauses[own.id] = replace(own, status="ended", until_at=max(ends, default=step.now))
    if not any(p.status == "running" for p in step.pauses.values()):
        step.change(phase="open")
    await retime(step)
    return True


async def _pauses(step: Step, case: Case) -> list[Pause]:
    return await read(step.tx, step.engine.database.dialect, Pause, "case_id = {case_id} ORDER BY id", case_id=case.id)


async def open_effect(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
    """The effect `open`: a case about this one. What it lacks refuses the step."""
    case = await open_case(step, tx, args["service"], args["values"], {"about": step.case.id})
    step.record("opened", step.case.state, step.case.state, role=SYSTEM_ROLE, facts={"number": case.number})
