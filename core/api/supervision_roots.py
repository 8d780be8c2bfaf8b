"""Root fields of leaders: asking why (督办), the clock standing still (挂起), a part of a bundle anew."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from core.api.case_detail import CaseDetail, detail_of
from core.api.case_roots import Key, Number, Reason, Version
from core.api.case_turns import CaseSupervision, supervision_views
from core.api.case_types import Case
from core.api.case_views import case_views
from core.api.compose import Roots
from core.cases.supervised import supervised

Ticket = Annotated[strawberry.ID, strawberry.argument(description="督办单的标识。")]


async def _supervised(info: strawberry.Info, first: int = 50) -> list[Case]:
    context: Any = info.context
    return await case_views(context, await supervised(context.host.cases.engine, context.actor, first=first))


async def _supervise(info: strawberry.Info, number: Number, reason: Reason) -> CaseSupervision:
    context: Any = info.context
    return await _shown(context, await context.host.cases.supervise(context.actor, number, reason))


async def _answer(
    info: strawberry.Info, id: Ticket, text: Annotated[str, strawberry.argument(description="办理情况。")]
) -> CaseSupervision:
    context: Any = info.context
    return await _shown(context, await context.host.cases.answer_supervision(context.actor, id, text))


async def _close(info: strawberry.Info, id: Ticket, reason: Reason = "") -> CaseSupervision:
    context: Any = info.context
    return await _shown(context, await context.host.cases.close_supervision(context.actor, id, reason))


async def _decide(
    info: strawberry.Info, number: Number, agrees: bool, version: Version, reason: Reason = ""
) -> CaseDetail:
    cases, actor = info.context.host.cases, info.context.actor
    case = await cases.decide_pause(actor, number, agrees, version=version, reason=reason)
    return await detail_of(info.context, case)


async def _resume(info: strawberry.Info, number: Number, reason: Reason = "") -> CaseDetail:
    context = info.context
    return await detail_of(context, await context.host.cases.resume(context.actor, number, reason=reason))


async def _retry(
    info: strawberry.Info, number: Number,
    part: Annotated[strawberry.ID, strawberry.argument(description="子办件的标识，见 failedParts。")],
    version: Version, idempotency_key: Key = None,
) -> CaseDetail:  # fmt: skip
    cases, actor = info.context.host.cases, info.context.actor
    return await detail_of(
        info.context, await cases.retry_part(actor, number, part, version=version, key=idempotency_key)
    )


@strawberry.type
class Query:
    supervised_cases: list[Case] = strawberry.field(
        resolver=_supervised, description="有督办单没有办结的办件，先到期的在前；限看得到它们的工作人员。"
    )


@strawberry.type
class Mutation:
    supervise_case: CaseSupervision = strawberry.mutation(
        resolver=_supervise, description="督办：值班长、县领导对辖区内的办件；一件同时只有一张督办单。"
    )
    answer_supervision: CaseSupervision = strawberry.mutation(
        resolver=_answer, description="承办人或承办单位答复督办。"
    )
    close_supervision: CaseSupervision = strawberry.mutation(
        resolver=_close, description="办结督办单：另一位领导，答复以后。"
    )
    decide_pause: CaseDetail = strawberry.mutation(
        resolver=_decide, description="批准或不批准挂起；不能是申请的人。挂起用 actOnCase 申请。"
    )
    resume_case: CaseDetail = strawberry.mutation(resolver=_resume, description="结束挂起，期限接着算。")
    retry_part: CaseDetail = strawberry.mutation(
        resolver=_retry, description="重新办理一件事里没有受理、不予办理或已撤回的子办件；不成就什么都不留下。"
    )


def supervision_roots() -> Roots:
    return Roots(Query, Mutation)


async def _shown(context: Any, ticket: Any) -> CaseSupervision:
    (found,) = await supervision_views(context, [ticket])
    return found
