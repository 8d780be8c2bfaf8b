"""One case whole. What is not selected is not looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry

from core.api.calendar_roots import DueDay
from core.api.case_turns import CasePause, CaseSupervision, pause_views, supervision_views
from core.api.case_types import Case, CaseAction, CaseStep, CaseTask, CaseValue
from core.api.case_views import (
    action_views,
    case_facts,
    due_days,
    due_sentence,
    holder_names,
    step_views,
    task_views,
    value_views,
)
from core.cases import rows


async def _due_sentence(root: Any, info: strawberry.Info) -> str:
    return await due_sentence(info.context, root.row)


async def _due_days(root: Any, info: strawberry.Info) -> list[DueDay]:
    return await due_days(info.context, root.row)


async def _holders(root: Any, info: strawberry.Info) -> list[str]:
    return await holder_names(info.context, root.row, await _rows(info.context, root.row))


async def _timeline(root: Any, info: strawberry.Info) -> list[CaseStep]:
    context: Any = info.context
    return await step_views(context, await context.host.cases.trail(context.actor, root.row.number))


async def _tasks(root: Any, info: strawberry.Info) -> list[CaseTask]:
    return await task_views(info.context, await _rows(info.context, root.row))


async def _actions(root: Any, info: strawberry.Info) -> list[CaseAction]:
    context: Any = info.context
    entity = context.generation.world.entity(root.row.entity)
    if entity is None or not root.row.is_open:
        return []
    return action_views(entity, await context.host.cases.actions(context.actor, root.row.number))


async def _values(root: Any, info: strawberry.Info) -> list[CaseValue]:
    return await value_views(info.context, root.row)


async def _pauses(root: Any, info: strawberry.Info) -> list[CasePause]:
    context: Any = info.context
    return await pause_views(context, root.row, await context.host.cases.pauses(context.actor, root.row.number))


async def _supervisions(root: Any, info: strawberry.Info) -> list[CaseSupervision]:
    context: Any = info.context
    return await supervision_views(context, await context.host.cases.supervisions(context.actor, root.row.number))


async def _rows(context: Any, case: rows.Case) -> Sequence[rows.Task]:
    found: Sequence[rows.Task] = await context.host.cases.tasks(context.actor, case.number)
    return found


@strawberry.type(description="一件办件的全部：经过、在谁手上、为什么是这个期限、现在能办什么。")
class CaseDetail(Case):
    row: strawberry.Private[rows.Case]
    due_sentence: str = strawberry.field(
        resolver=_due_sentence, description="为什么是这个期限，一句话；没有期限的为空。"
    )
    due_days: list[DueDay] = strawberry.field(resolver=_due_days, description="逐日说明期限；暂停时为空。")
    holders: list[str] = strawberry.field(resolver=_holders, description="现在在哪些单位手上；等申请人办的为“申请人”。")
    timeline: list[CaseStep] = strawberry.field(
        resolver=_timeline, description="办理经过，最早的在前；群众看公开的步骤。"
    )
    tasks: list[CaseTask] = strawberry.field(resolver=_tasks, description="还没有做完的任务；群众只看到等自己办的。")
    actions: list[CaseAction] = strawberry.field(
        resolver=_actions, description="现在可以由自己办的步骤，和它们的表单。"
    )
    values: list[CaseValue] = strawberry.field(
        resolver=_values, description="申请的内容，按实体的权限读取；看不到的不列。"
    )
    pauses: list[CasePause] = strawberry.field(resolver=_pauses, description="期限停下来的各段时间，最早的在前。")
    supervisions: list[CaseSupervision] = strawberry.field(
        resolver=_supervisions, description="督办单，最早的在前；群众看不到。"
    )


async def detail_of(context: Any, row: rows.Case) -> CaseDetail:
    return CaseDetail(row=row, **await case_facts(context, row))
