"""Root fields of those who work on cases: the inbox, tasks one by one and by the batch, comments, watching."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from tongban_sdk import InputProblem, InvalidInputError, RequestError

from core.api.case_detail import CaseDetail, detail_of
from core.api.case_roots import Number, Reason, Version
from core.api.case_types import Case, CaseTask, DueColour
from core.api.case_views import case_views, task_views
from core.api.compose import Roots
from core.api.paging import check_first
from core.api.refusals import tell_refusal
from core.audit import Entry
from core.audit.call import called
from core.cases.rows import Case as Row

#: Steps of one request; each is a transaction of its own.
BATCH_MAX = 50
TaskId = Annotated[strawberry.ID, strawberry.argument(description="任务的标识。")]
Colleague = Annotated[strawberry.ID, strawberry.argument(description="同事（core.staff）。")]


@strawberry.enum(description="待办的分栏。")
class InboxBox(Enum):
    TODO = strawberry.enum_value("todo", description="待认领：派给自己的，本单位、本辖区可以认领的。")
    DOING = strawberry.enum_value("doing", description="在办：在自己手上的。")
    DONE = strawberry.enum_value("done", description="办过的，新的在前。")


@strawberry.type(description="一页任务。")
class TaskPage:
    nodes: list[CaseTask] = strawberry.field(description="任务，先到期的在前。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="各栏的任务数；数到 999 为止。")
class InboxCounts:
    todo: int = strawberry.field(description="待认领。")
    doing: int = strawberry.field(description="在办。")
    late: int = strawberry.field(description="在办中超期的。")


@strawberry.type(description="一批里一项任务的结果。")
class TaskOutcome:
    id: strawberry.ID = strawberry.field(description="任务或办件的标识，与请求里的一样。")
    case: Case | None = strawberry.field(description="办件现在的样子；没有办成的为空。")
    code: str | None = strawberry.field(description="没有办成的错误码。")
    message: str | None = strawberry.field(description="为什么没有办成。")
    hint: str | None = strawberry.field(description="怎么办。")


@strawberry.input(description="一批里的一步。")
class CaseActInput:
    number: strawberry.ID = strawberry.field(description="办件编号。")
    action: str = strawberry.field(description="步骤的标识。")
    version: int = strawberry.field(description="看到的版本。")
    reason: str = strawberry.field(default="", description="理由。")


async def _inbox(
    info: strawberry.Info,
    box: InboxBox = InboxBox.TODO,
    colour: Annotated[DueColour | None, strawberry.argument(description="只看这种颜色的。")] = None,
    service: Annotated[str | None, strawberry.argument(description="只看这个事项的。")] = None,
    first: int = 50,
    after: str | None = None,
) -> TaskPage:
    context: Any = info.context
    page = await context.host.cases.inbox(
        context.actor, box.value, first=first, after=after, colour=colour.value if colour else None, service=service
    )
    return TaskPage(
        nodes=await task_views(context, page.items), has_next_page=page.cursor is not None, end_cursor=page.cursor
    )


async def _counts(info: strawberry.Info) -> InboxCounts:
    return InboxCounts(**await info.context.host.cases.counts(info.context.actor))


async def _watched(info: strawberry.Info, first: int = 50) -> list[Case]:
    context = info.context
    return await case_views(context, await context.host.cases.watched(context.actor, first=check_first(first)))


async def _claim(info: strawberry.Info, ids: list[strawberry.ID]) -> list[TaskOutcome]:
    context = info.context
    _check_batch(ids, "ids")
    done = await context.host.cases.claim_many(context.actor, ids)
    return [await _outcome(context, one.task_id, one.case, one.error) for one in done]


async def _act(info: strawberry.Info, steps: list[CaseActInput]) -> list[TaskOutcome]:
    context: Any = info.context
    _check_batch(steps, "steps")
    outcomes = []
    for step in steps:
        try:
            case = await context.host.cases.act(
                context.actor, step.number, step.action, version=step.version, reason=step.reason
            )
            outcomes.append(await _outcome(context, step.number, case, None))
        except RequestError as error:
            outcomes.append(await _outcome(context, step.number, None, error))
    return outcomes


async def _release(info: strawberry.Info, id: TaskId) -> CaseDetail:
    context = info.context
    return await detail_of(context, await context.host.cases.release(context.actor, id))


async def _transfer(info: strawberry.Info, id: TaskId, staff: Colleague, reason: Reason) -> CaseDetail:
    context = info.context
    return await detail_of(context, await context.host.cases.transfer(context.actor, id, staff, reason))


async def _countersign(
    info: strawberry.Info, id: TaskId, staff: Colleague,
    question: Annotated[str, strawberry.argument(description="请对方看什么。")],
) -> CaseDetail:  # fmt: skip
    context = info.context
    return await detail_of(context, await context.host.cases.countersign(context.actor, id, staff, question))


async def _sign(
    info: strawberry.Info, id: TaskId, agrees: bool,
    opinion: Annotated[str, strawberry.argument(description="意见；不同意的要写理由。")] = "",
) -> CaseDetail:  # fmt: skip
    context = info.context
    return await detail_of(context, await context.host.cases.sign(context.actor, id, agrees, opinion))


async def _vote(
    info: strawberry.Info, number: Number, agrees: bool, version: Version, reason: Reason = ""
) -> CaseDetail:
    context = info.context
    case = await context.host.cases.vote(context.actor, number, agrees, version=version, reason=reason)
    return await detail_of(context, case)


async def _finish(
    info: strawberry.Info, id: TaskId, note: Annotated[str, strawberry.argument(description="做得怎样。")] = ""
) -> CaseDetail:
    context = info.context
    return await detail_of(context, await context.host.cases.finish_task(context.actor, id, note))


async def _comment(
    info: strawberry.Info, number: Number,
    text: Annotated[str, strawberry.argument(description="给同事看的话；申请人看不到。")],
) -> CaseDetail:  # fmt: skip
    context = info.context
    return await detail_of(context, await context.host.cases.comment(context.actor, number, text))


async def _watch(info: strawberry.Info, number: Number, on: bool = True) -> bool:
    await info.context.host.cases.watch(info.context.actor, number, on=on)
    return on


@strawberry.type
class Query:
    inbox: TaskPage = strawberry.field(resolver=_inbox, description="自己的任务，先到期的在前；限工作人员。")
    inbox_counts: InboxCounts = strawberry.field(resolver=_counts, description="各栏的任务数；限工作人员。")
    watched_cases: list[Case] = strawberry.field(
        resolver=_watched, description="自己关注的办件，先到期的在前；限工作人员。"
    )


@strawberry.type
class Mutation:
    claim_tasks: list[TaskOutcome] = strawberry.mutation(
        resolver=_claim, description=f"认领任务，一次至多 {BATCH_MAX} 项；每项各算各的。"
    )
    act_on_cases: list[TaskOutcome] = strawberry.mutation(
        resolver=_act, description=f"一次办理几件，不填写内容，至多 {BATCH_MAX} 件；每件各算各的。"
    )
    release_task: CaseDetail = strawberry.mutation(resolver=_release, description="把任务放回待认领。")
    transfer_task: CaseDetail = strawberry.mutation(
        resolver=_transfer, description="把手上的任务转给办得了它的同事；要写理由。"
    )
    countersign_task: CaseDetail = strawberry.mutation(
        resolver=_countersign, description="请同事会签：他答复以前办件不往下走。"
    )
    sign_task: CaseDetail = strawberry.mutation(resolver=_sign, description="答复会签。")
    vote_on_case: CaseDetail = strawberry.mutation(resolver=_vote, description="在表决的环节投票。")
    finish_task: CaseDetail = strawberry.mutation(
        resolver=_finish, description="做完一项另派的任务；环节的任务由办理的步骤完成。"
    )
    comment_on_case: CaseDetail = strawberry.mutation(resolver=_comment, description="写备注；申请人看不到。")
    watch_case: bool = strawberry.mutation(resolver=_watch, description="关注办件；on 为 false 就不再关注。")


def inbox_roots() -> Roots:
    return Roots(Query, Mutation)


def _check_batch(items: list[Any], name: str) -> None:
    if not 1 <= len(items) <= BATCH_MAX:
        message = f"一次 1 到 {BATCH_MAX} 项"
        raise InvalidInputError("填写的内容有误", [InputProblem((name,), message, "case.batch")])


async def _outcome(context: Any, id: str, case: Row | None, error: RequestError | None) -> TaskOutcome:
    if error is not None:
        await tell_refusal(context.host, Entry(context.actor, called(), result=error.code))
    shown = (await case_views(context, [case]))[0] if case else None
    told = {"code": error.code, "message": error.message, "hint": error.hint} if error else {}
    return TaskOutcome(
        id=strawberry.ID(id), case=shown, code=told.get("code"), message=told.get("message"), hint=told.get("hint")
    )
