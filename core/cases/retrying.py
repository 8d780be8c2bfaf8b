"""A part of a bundle has failed: staff of the whole try it anew, and what waited for it follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError, UnavailableError

from core.cases.acting import once
from core.cases.bundles import AGAIN, Bundle, bundle_of, note_ends, open_case, sync_clock
from core.cases.definitions import roles_of
from core.cases.holding import find, hold, look
from core.cases.live import Engine
from core.cases.longest import newest
from core.cases.rows import Case
from core.cases.step import Step
from core.cases.suspending import suspension
from core.cases.who import covers, is_own
from core.manifest.cases import Child
from core.store.database import Insert, Transaction
from core.store.ids import uuid7

#: Line of the parent's trail.
RETRY = "retry_part"


@dataclass(frozen=True, slots=True)
class FailedPart:
    """A part that can be tried anew; `number` = its case, None when it could not be filed."""

    id: str
    #: Of the item.
    title: str
    number: str | None


async def failed_parts(engine: Engine, actor: Actor, number: str) -> list[FailedPart]:
    """Of a case the caller sees; nothing for who may not try them."""
    step = await look(engine, actor, number)
    if not step.case.is_open or not step.state.children or await _role(step) is None:
        return []
    bundle = await bundle_of(step)
    return [_failed(step, bundle, child) for child in bundle.children if bundle.can_be_retried(child)]


def _failed(step: Step, bundle: Bundle, child: Child) -> FailedPart:
    service, case = newest(step.live.world.plugins, child.service), bundle.cases.get(child.id)
    return FailedPart(child.id, service.title if service else child.id, case.number if case else None)


async def retry_part(
    engine: Engine, actor: Actor, number: str, part: str, *, version: int, key: str | None = None
) -> Case:
    """Open a new case for a part that was refused, withdrawn, or could not be filed; the whole. What it lacks refuses
    it, and nothing is left."""

    async def work(tx: Transaction, beside: Sequence[Insert]) -> Case:
        step = await hold(engine, tx, actor, number, RETRY)
        step.rows += beside
        role = await _role(step)
        if role is None:
            raise PermissionDeniedError("子办件由办理这件事的工作人员重新办理")
        _check(step, version)
        bundle = await bundle_of(step)
        child = _find(bundle, part)
        note_ends(step, bundle)
        await sync_clock(step, bundle)
        case = await _open(step, tx, child)
        state = step.case.state
        step.record(RETRY, state, state, role=role, facts={"child": part, "number": case.number})
        return await step.finish()

    async def again(_: str) -> Case:
        return await find(engine, actor, number)

    return await once(engine, actor, key, [RETRY, number, part, version], work, again, uuid7())


async def _role(step: Step) -> str | None:
    """Of staff of a role of its workflow, or who rules there, for the place of the case; nobody's for his own."""
    actor, case = step.actor, step.case
    roles = sorted(roles_of(step.workflow) & actor.roles)
    if actor.kind != "staff" or not roles or not covers(actor, case.division, case.grid, case.org):
        return None
    return None if await is_own(step, []) else roles[0]


def _check(step: Step, version: int) -> None:
    if step.case.version != version:
        raise ConflictError("办件已有新的进展", hint="请刷新后再办理")
    if not step.case.is_open or not step.state.children:
        raise ConflictError("这件事不在联办，不能重新办理子办件", hint="请看办件现在的环节")
    if suspension(step) is not None:
        raise ConflictError("办件已挂起，不能重新办理子办件", hint="请先恢复办理")


def _find(bundle: Bundle, part: str) -> Child:
    child = next((child for child in bundle.children if child.id == part), None)
    if child is None:
        raise NotFoundError("这件事没有这个子办件")
    if not bundle.can_be_retried(child):
        raise ConflictError("这个子办件没有失败，或在等别的子办件", hint="只有没有受理、不予办理、已撤回的可以重新办理")
    return child


async def _open(step: Step, tx: Transaction, child: Child) -> Case:
    try:
        return await open_case(step, tx, child.service, child.values, {"parent": step.case.id, "child": child.id})
    except NotFoundError:
        message = "办理这个子办件的应用没有启用"
        raise UnavailableError(message, retry_after_s=int(AGAIN.total_seconds())) from None
