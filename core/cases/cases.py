"""The door of this room: file, act, claim, look. One per process, over whichever generation stands now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError

from core.audit import Audit
from core.cases import (
    acting,
    bundles,
    escalating,
    filing,
    following,
    inbox,
    mine,
    retrying,
    supervision,
    suspending,
    tasks,
    trail,
    withdrawing,
)
from core.cases.definitions import Definitions
from core.cases.dispatching import pass_on
from core.cases.effects import Effects, own_effects
from core.cases.entering import task_effect
from core.cases.firing import Firing
from core.cases.holding import find, look
from core.cases.live import Engine
from core.cases.paging import Page
from core.cases.rating import Ratings
from core.cases.retrying import FailedPart
from core.cases.rows import Case, Pause, Task
from core.cases.step import Step
from core.cases.supervision import Supervision
from core.cases.suspending import Wish
from core.cases.tasks import Outcome
from core.cases.timers import BUNDLE, Timers
from core.cases.timing import Colour, explain_due
from core.cases.trail import TrailEntry
from core.cases.who import EXTRA, refuse_own, standing
from core.clock import Calendars, Clock
from core.crypto import Vault
from core.manifest.cases import CaseAction
from core.store.database import Database
from core.store.rows import read
from core.write.live import Live


class Cases:
    """`effects` and `timers` take what other rooms register; every refusal is a RequestError and leaves nothing."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, calendars: Calendars, live: Callable[[], Live]
    ) -> None:
        self.effects, self.timers = Effects(), Timers()
        self.definitions = Definitions(database)
        self.engine = Engine(database, vault, audit, live, calendars, self.definitions, self.effects, self.timers)
        for kind, function in own_effects(self.engine).items():
            self.effects.register(kind, function)
        self.effects.register("open", bundles.open_effect)
        self.effects.register("task", task_effect)
        self.effects.ended.append(withdrawing.tell_parts)
        own = {
            "accept": pass_on, supervision.OVERDUE: supervision.overdue, suspending.RESUME: suspending.resume_by_date,
            BUNDLE: bundles.advance, withdrawing.FOLLOW: withdrawing.follow, **escalating.HANDLERS,
        }  # fmt: skip
        for kind, handler in own.items():
            self.timers.register(kind, handler)
        self.firing = Firing(self.engine)
        self.ratings = Ratings(self.engine)

    async def submit(
        self, actor: Actor, service: str, values: Mapping[str, Any], *, key: str | None = None, channel: str = "app",
        consents: Collection[str] = (), applicant: str | None = None, draft: str | None = None,
    ) -> Case:  # fmt: skip
        """File under a service item ("community.repair"); staff may file for a person (`applicant`)."""
        return await filing.submit(
            self.engine, actor, service, values, key=key, channel=channel, consents=consents, applicant=applicant,
            draft=draft,
        )  # fmt: skip

    async def act(
        self, actor: Actor, number: str, action: str, *, version: int, values: Mapping[str, Any] | None = None,
        reason: str = "", key: str | None = None, wish: Wish | None = None,
    ) -> Case:  # fmt: skip
        """Take a step, in the version of the case the caller has seen; ConflictError when it has moved on. `wish` goes
        with an action of the kind suspend."""
        return await acting.act(
            self.engine, actor, number, action, version=version, values=values, reason=reason, key=key, wish=wish
        )

    async def decide_pause(self, actor: Actor, number: str, agrees: bool, *, version: int, reason: str = "") -> Case:
        """The approver's word on a suspension that was asked for."""
        return await suspending.decide(self.engine, actor, number, agrees, version=version, reason=reason)

    async def resume(self, actor: Actor, number: str, *, reason: str = "") -> Case:
        """End a suspension before its day."""
        return await suspending.resume(self.engine, actor, number, reason)

    async def pauses(self, actor: Actor, number: str) -> list[Pause]:
        """All stretches in which the clock stood still, or was asked to; `stood_s` (timing) adds them up."""
        case, engine = await self.get(actor, number), self.engine
        where = "case_id = {case_id} ORDER BY id"
        return await read(engine.database, engine.database.dialect, Pause, where, case_id=case.id)

    async def vote(self, actor: Actor, number: str, agrees: bool, *, version: int, reason: str = "") -> Case:
        """For or against, in a state where parts vote: the forward action, or the one that refuses or returns."""
        step = await look(self.engine, actor, number)
        wanted = ("forward",) if agrees else ("refuse", "return", "correct")
        found = [a for a in step.workflow.actions.values() if step.case.state in a.from_ and a.kind in wanted]
        if step.state.join != "vote" or not found:
            raise ConflictError(f"“{step.state.title}”不表决")
        return await self.act(actor, number, found[0].id, version=version, reason=reason)

    async def actions(self, actor: Actor, number: str) -> list[CaseAction]:
        """Steps the caller may take now; their guards and forms are asked when he takes one."""
        step = await look(self.engine, actor, number)
        return [a for a in step.workflow.actions.values() if step.case.state in a.from_ and await _may(step, a)]

    async def claim(self, actor: Actor, task_id: str) -> Case:
        return await tasks.claim(self.engine, actor, task_id)

    async def claim_many(self, actor: Actor, task_ids: Sequence[str]) -> list[Outcome]:
        return await tasks.claim_many(self.engine, actor, task_ids)

    async def release(self, actor: Actor, task_id: str) -> Case:
        return await tasks.release(self.engine, actor, task_id)

    async def transfer(self, actor: Actor, task_id: str, staff: str, reason: str) -> Case:
        return await tasks.transfer(self.engine, actor, task_id, staff, reason)

    async def countersign(self, actor: Actor, task_id: str, staff: str, question: str) -> Case:
        return await tasks.countersign(self.engine, actor, task_id, staff, question)

    async def sign(self, actor: Actor, task_id: str, agrees: bool, opinion: str = "") -> Case:
        return await tasks.sign(self.engine, actor, task_id, agrees, opinion)

    async def finish_task(self, actor: Actor, task_id: str, words: str = "") -> Case:
        """Of a task that a step has set off besides (the effect `task`)."""
        return await tasks.finish(self.engine, actor, task_id, words)

    async def comment(self, actor: Actor, number: str, text: str) -> Case:
        return await tasks.comment(self.engine, actor, number, text)

    async def watch(self, actor: Actor, number: str, *, on: bool = True) -> Case:
        return await tasks.watch(self.engine, actor, number, on=on)

    async def get(self, actor: Actor, number: str) -> Case:
        """NotFoundError for a case the caller does not see, as for none."""
        return await find(self.engine, actor, number)

    async def trail(self, actor: Actor, number: str) -> list[TrailEntry]:
        return await trail.trail(self.engine, actor, await self.get(actor, number))

    async def tasks(self, actor: Actor, number: str) -> list[Task]:
        """The tasks of a case that are not over, and all that a step set off besides: who has it. The applicant learns
        units, no names of staff."""
        case, engine = await self.get(actor, number), self.engine
        where = f"case_id = {{case_id}} AND (status IN ('open', 'claimed') OR part LIKE '{EXTRA}%') ORDER BY id"
        found = await read(engine.database, engine.database.dialect, Task, where, case_id=case.id)
        return [replace(t, assignee=None, candidates=None) for t in found] if actor.kind == "citizen" else found

    async def explain(self, actor: Actor, number: str) -> str:
        """Why the case is due when it is, in one Chinese sentence; "" without a limit."""
        case, engine = await self.get(actor, number), self.engine
        pauses = await self.pauses(actor, number)
        workflow = await self.definitions.workflow(engine.live().world, case.workflow, case.workflow_version)
        return explain_due(await engine.calendars.of(case.division), case, pauses, dict(workflow.pauses))

    async def supervise(self, actor: Actor, number: str, reason: str) -> Supervision:
        """Open a 督办 ticket; by a leader whose division holds the case."""
        return await supervision.open_ticket(self.engine, actor, number, reason)

    async def answer_supervision(self, actor: Actor, ticket: str, text: str) -> Supervision:
        return await supervision.answer(self.engine, actor, ticket, text)

    async def close_supervision(self, actor: Actor, ticket: str, reason: str = "") -> Supervision:
        return await supervision.close(self.engine, actor, ticket, reason)

    async def supervisions(self, actor: Actor, number: str) -> list[Supervision]:
        return await supervision.tickets(self.engine, actor, number)

    async def children(self, actor: Actor, number: str) -> list[Case]:
        """Of a bundle the caller sees, in the order in which they were opened; those that he sees."""
        case, engine = await self.get(actor, number), self.engine
        found = await read(engine.database, engine.database.dialect, Case, "parent = {id} ORDER BY id", id=case.id)
        return [part for part in found if await self._sees(actor, part)]

    async def failed_parts(self, actor: Actor, number: str) -> list[FailedPart]:
        """Parts of a bundle that the caller may try anew."""
        return await retrying.failed_parts(self.engine, actor, number)

    async def retry_part(self, actor: Actor, number: str, part: str, *, version: int, key: str | None = None) -> Case:
        """Try a failed part of a bundle anew, in the version of the whole the caller has seen; the whole."""
        return await retrying.retry_part(self.engine, actor, number, part, version=version, key=key)

    async def parent(self, actor: Actor, number: str) -> Case | None:
        """The bundle that a part belongs to, if the caller sees it."""
        case, engine = await self.get(actor, number), self.engine
        found = await read(engine.database, engine.database.dialect, Case, "id = {id}", id=case.parent)
        return found[0] if found and await self._sees(actor, found[0]) else None

    async def _sees(self, actor: Actor, case: Case) -> bool:
        try:
            return bool(await find(self.engine, actor, case.number))
        except NotFoundError:
            return False

    async def joined(self, actor: Actor, number: str) -> Case | None:
        """The case that a report of the caller's joined: there it goes on."""
        case = await self.get(actor, number)
        found = await read(self.engine.database, self.engine.database.dialect, Case, "id = {id}", id=case.joined)
        return found[0] if found and await self._sees(actor, found[0]) else None

    async def inbox(
        self, actor: Actor, box: inbox.Box = "todo", *, first: int = 50, after: str | None = None,
        colour: Colour | None = None, service: str | None = None,
    ) -> Page[Task]:  # fmt: skip
        return await inbox.inbox(self.engine, actor, box, first=first, after=after, colour=colour, service=service)

    async def counts(self, actor: Actor) -> dict[str, int]:
        return await inbox.counts(self.engine, actor)

    async def watched(self, actor: Actor, *, first: int = 50) -> list[Case]:
        return await inbox.watched(self.engine, actor, first=first)

    async def follow_calendar(self, clock: Clock) -> int:
        """Due dates after a change of the calendar; how many cases moved."""
        return await following.follow_calendar(self.engine, clock)

    async def mine(
        self, actor: Actor, *, which: mine.Which = "all", first: int = 20, after: str | None = None
    ) -> Page[Case]:
        return await mine.mine(self.engine, actor, which=which, first=first, after=after)


async def _may(step: Step, action: CaseAction) -> bool:
    try:
        standing(step, action)
        await refuse_own(step, action)
    except (ConflictError, PermissionDeniedError):
        return False
    return True
