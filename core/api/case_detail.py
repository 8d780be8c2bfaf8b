"""One case whole. What is not selected is not looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry

from core.api.calendar_roots import DueDay
from core.api.case_turns import CasePause, CaseSupervision, pause_views, supervision_views
from core.api.case_types import Case, CaseAction, CaseFailedPart, CaseStep, CaseTask, CaseValue
from core.api.case_views import (
    action_views,
    case_facts,
    case_views,
    due_days,
    due_sentence,
    holder_names,
    step_views,
    task_views,
    value_views,
)
from core.api.document_roots import IssuedDocument, documents_of
from core.api.message_roots import message_views, told_to
from core.api.message_types import CaseMessage
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
    row, generation = root.row, context.generation
    entity = generation.world.entity(row.entity)
    if entity is None or not row.is_open or generation.choice(row.plugin_id, row.division) == "off":
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


async def _documents(root: Any, info: strawberry.Info) -> list[IssuedDocument]:
    return await documents_of(info.context, root.row)


async def _messages(root: Any, info: strawberry.Info) -> list[CaseMessage]:
    context: Any = info.context
    messages, actor = context.host.messages, context.actor
    found = await messages.of_case(root.row.number)
    return await message_views(context, found if actor.kind == "staff" else told_to(actor, found))


async def _joined(root: Any, info: strawberry.Info) -> Case | None:
    return await _one(info.context, await info.context.host.cases.joined(info.context.actor, root.row.number))


async def _parent(root: Any, info: strawberry.Info) -> Case | None:
    return await _one(info.context, await info.context.host.cases.parent(info.context.actor, root.row.number))


async def _children(root: Any, info: strawberry.Info) -> list[Case]:
    context: Any = info.context
    return await case_views(context, await context.host.cases.children(context.actor, root.row.number))


async def _failed_parts(root: Any, info: strawberry.Info) -> list[CaseFailedPart]:
    context: Any = info.context
    found = await context.host.cases.failed_parts(context.actor, root.row.number)
    return [CaseFailedPart(id=part.id, title=part.title, number=part.number) for part in found]


async def _one(context: Any, case: rows.Case | None) -> Case | None:
    return (await case_views(context, [case]))[0] if case else None


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
    documents: list[IssuedDocument] = strawberry.field(resolver=_documents, description="出具的文书，最早的在前。")
    messages: list[CaseMessage] = strawberry.field(
        resolver=_messages, description="告知了谁、什么、是否送达，最早的在前；群众看告知自己的。"
    )
    joined: Case | None = strawberry.field(resolver=_joined, description="并入的那一件，由它办下去；没有并入的为空。")
    parent: Case | None = strawberry.field(
        resolver=_parent, description="所属的一件事；不属于哪一件的、看不到那一件的为空。"
    )
    children: list[Case] = strawberry.field(
        resolver=_children, description="一件事的子办件，先开的在前；看不到的不列。"
    )
    failed_parts: list[CaseFailedPart] = strawberry.field(
        resolver=_failed_parts, description="可以由自己重新办理的子办件（retryPart）；群众看不到。"
    )


async def detail_of(context: Any, row: rows.Case) -> CaseDetail:
    return CaseDetail(row=row, **await case_facts(context, row))
