"""Rows of the engine as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import Actor

from core.api.calendar_roots import DueDay
from core.api.case_names import Names, names_of
from core.api.case_types import Case, CaseAction, CaseStep, CaseTask, CaseValue, DueColour
from core.cases import rows
from core.cases.explaining import explained
from core.cases.timing import colour
from core.cases.trail import TrailEntry
from core.forms.steps import step_form
from core.manifest.cases import APPLICANT
from core.manifest.cases import CaseAction as Action
from core.manifest.model import Entity, World
from core.read.one import key_of, read_one


async def case_facts(context: Any, case: rows.Case) -> dict[str, Any]:
    """Fields of Case."""
    definitions, world, actor = context.host.cases.definitions, context.generation.world, context.actor
    service = await definitions.service(world, case.service, case.service_version)
    workflow = await definitions.workflow(world, case.workflow, case.workflow_version)
    state = workflow.states[case.state]
    same = ("version", "service", "state", "phase", "channel", "filed_at", "due_at", "is_provisional", "closed_at")
    return {
        **{name: getattr(case, name) for name in (*same, "outcome")},
        "number": strawberry.ID(case.number), "title": service.title,
        "state_title": (state.public or state.title) if actor.kind == "citizen" else state.title,
        "colour": DueColour(colour(case) if case.is_open else "none"),
    }  # fmt: skip


async def case_views(context: Any, cases: Iterable[rows.Case]) -> list[Case]:
    return [Case(**await case_facts(context, case)) for case in cases]


async def task_views(context: Any, tasks: Sequence[rows.Task]) -> list[CaseTask]:
    names = await names_of(context, (t.org for t in tasks), (t.assignee for t in tasks))
    return [_task(context, names, task) for task in tasks if _shows(context.actor, task)]


def _shows(actor: Actor, task: rows.Task) -> bool:
    """How staff share out the work is nothing the applicant must know."""
    return actor.kind != "citizen" or APPLICANT in task.roles


def _task(context: Any, names: Names, task: rows.Task) -> CaseTask:
    actor, first = context.actor, next(iter(task.candidates or ()), None)
    same = ("title", "service", "status", "opened_at", "done_at", "due_at", "is_provisional")
    return CaseTask(
        **{name: getattr(task, name) for name in same},
        id=strawberry.ID(task.id), case=strawberry.ID(task.number),
        service_title=service_title(names.world, task.service),
        roles=[names.role(role) for role in task.roles], unit=names.unit(task.org), staff=names.person(task.assignee),
        is_mine=actor.staff is not None and task.assignee == actor.staff,
        reason=first["reason"] if first and actor.kind != "citizen" else "",
        colour=DueColour(colour(task) if task.is_live else "none"),
    )  # fmt: skip


def service_title(world: World, key: str) -> str:
    """Of any version: what the item is called now."""
    plugin_id, _, id = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    versions = plugin.services.get(id, ()) if plugin else ()
    return versions[-1].title if versions else key


async def step_views(context: Any, entries: Sequence[TrailEntry]) -> list[CaseStep]:
    names = await names_of(context, (e.org for e in entries), (e.staff for e in entries))
    return [_step(names, entry) for entry in entries]


def _step(names: Names, entry: TrailEntry) -> CaseStep:
    facts = entry.facts or {}
    return CaseStep(
        seq=entry.seq, at=entry.at, title=entry.title, state=entry.state, role=names.role(entry.role),
        unit=names.unit(entry.org), staff=names.person(entry.staff), reason=entry.reason,
        fields=list(facts.get("fields", ())), files=[strawberry.ID(id) for id in facts.get("files", ())],
        due_at=entry.due_at, limit_unit=entry.unit, is_automatic=entry.by_system,
        consents=list(entry.consents),
    )  # fmt: skip


async def holder_names(context: Any, case: rows.Case, tasks: Sequence[rows.Task]) -> list[str]:
    """Units that have something to do now; a pool is its department's."""
    if not case.is_open:
        return []
    names = await names_of(context, [case.org, *(task.org for task in tasks)])
    plugin = names.world.plugins.get(case.plugin_id)
    department = str(plugin.department.get("name", "")) if plugin else ""
    held = [
        names.role(APPLICANT) if APPLICANT in task.roles else names.unit(task.org) or department for task in tasks
    ]  # fmt: skip
    return [name for name in dict.fromkeys(held or [names.unit(case.org) or department]) if name]


def action_views(entity: Entity, actions: Iterable[Action]) -> list[CaseAction]:
    found = []
    for action in actions:
        schema, ui = step_form(entity, action)
        found.append(
            CaseAction(
                id=action.id, title=action.title, kind=action.kind, needs_reason=action.needs_reason,
                required=list(action.required), schema=cast(JSON, schema), ui=cast(JSON, ui),
            )
        )  # fmt: skip
    return found


async def value_views(context: Any, case: rows.Case) -> list[CaseValue]:
    """What the rules of the entity show the caller of the row that was filed; [] when they show nothing."""
    generation, actor = context.generation, context.actor
    entity = generation.world.entity(case.entity)
    opened = {f for rule in generation.access.rules(actor.roles, case.entity, "read") for f in rule.fields}
    fields = [field for field in entity.fields.values() if field.name in opened] if entity else []
    names = tuple(field.name for field in fields)
    if entity is None or not fields:
        return []
    row = await read_one(generation.reader, context.database, actor, entity, case.row_id, names)
    if not row:
        return []
    masked = {*row["maskedFields"]}
    return [
        CaseValue(
            field=field.name, title=field.title, value=row.get(key_of(field)),
            is_masked=bool({key_of(field), field.graphql_name} & masked),
        )
        for field in fields
    ]  # fmt: skip


async def due_days(context: Any, case: rows.Case) -> list[DueDay]:
    found = await explained(context.host.cases.engine, case)
    return [DueDay(day=day.day, is_counted=day.is_counted, why=day.why) for day in found.days]


async def due_sentence(context: Any, case: rows.Case) -> str:
    return (await explained(context.host.cases.engine, case)).sentence
