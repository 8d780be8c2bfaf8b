"""Root fields of cases for whoever files them: file, supplement, withdraw, look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import ConflictError

from core.api.case_detail import CaseDetail, detail_of
from core.api.case_types import Case
from core.api.case_views import case_views
from core.api.compose import Roots
from core.api.service_roots import Code, values_of
from core.cases.rows import Case as Row
from core.cases.suspending import Wish
from core.manifest.cases import APPLICANT, CaseAction, State

Number = Annotated[strawberry.ID, strawberry.argument(description="办件编号。")]
Version = Annotated[int, strawberry.argument(description="看到的版本；已有新进展的拒绝。")]
Values = Annotated[JSON | None, strawberry.argument(description="这一步填写的内容。")]
Reason = Annotated[str, strawberry.argument(description="理由。")]
Key = Annotated[str | None, strawberry.argument(description="幂等键：同一个键重复提交，只办一次，回答相同。")]


@strawberry.enum(description="哪些办件。")
class WhichCases(Enum):
    ALL = strawberry.enum_value("all", description="全部。")
    OPEN = strawberry.enum_value("open", description="在办的。")
    CLOSED = strawberry.enum_value("closed", description="结束的。")


@strawberry.type(description="一页办件。")
class CasePage:
    nodes: list[Case] = strawberry.field(description="办件。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


async def _case(info: strawberry.Info, number: Number) -> CaseDetail:
    context = info.context
    return await detail_of(context, await context.host.cases.get(context.actor, number))


async def _my_cases(
    info: strawberry.Info, which: WhichCases = WhichCases.ALL, first: int = 20, after: str | None = None
) -> CasePage:
    context: Any = info.context
    page = await context.host.cases.mine(context.actor, which=which.value, first=first, after=after)
    return CasePage(
        nodes=await case_views(context, page.items), has_next_page=page.cursor is not None, end_cursor=page.cursor
    )


async def _submit(
    info: strawberry.Info, service: Code,
    values: Annotated[JSON, strawberry.argument(description="表单的内容。")],
    consents: Annotated[list[str] | None, strawberry.argument(description="本人勾选的声明的标识。")] = None,
    draft: Annotated[strawberry.ID | None, strawberry.argument(description="由这份草稿而来，提交后删去。")] = None,
    channel: Annotated[str, strawberry.argument(description="app、web 或 device。")] = "app",
    idempotency_key: Key = None,
) -> CaseDetail:  # fmt: skip
    context = info.context
    case = await context.host.cases.submit(
        context.actor, service, values_of(values), key=idempotency_key, channel=channel, consents=consents or (),
        draft=draft,
    )  # fmt: skip
    return await detail_of(context, case)


async def _act(
    info: strawberry.Info, number: Number,
    action: Annotated[str, strawberry.argument(description="步骤的标识，见 actions。")],
    version: Version, values: Values = None, reason: Reason = "", idempotency_key: Key = None,
    pause: Annotated[str, strawberry.argument(description="申请挂起时写：流程所列的原因。")] = "",
    until: Annotated[datetime | None, strawberry.argument(description="申请挂起时写：最迟到什么时候。")] = None,
) -> CaseDetail:  # fmt: skip
    context = info.context
    case = await context.host.cases.act(
        context.actor, number, action, version=version, values=values_of(values), reason=reason, key=idempotency_key,
        wish=Wish(pause, until) if pause or until else None,
    )  # fmt: skip
    return await detail_of(context, case)


async def _supplement(
    info: strawberry.Info, number: Number, version: Version, values: Values = None, reason: Reason = "",
    idempotency_key: Key = None,
) -> CaseDetail:  # fmt: skip
    action = await _applicants(info, number, _is_supplement, "补正材料")
    return await _act(info, number, action, version, values, reason, idempotency_key)


async def _withdraw(
    info: strawberry.Info, number: Number, version: Version, reason: Reason = "", idempotency_key: Key = None
) -> CaseDetail:
    action = await _applicants(info, number, _is_withdrawal, "撤回")
    return await _act(info, number, action, version, None, reason, idempotency_key)


@strawberry.type
class Query:
    case: CaseDetail = strawberry.field(resolver=_case, description="一件办件；与自己无关的和没有的，回答一样。")
    my_cases: CasePage = strawberry.field(
        resolver=_my_cases, description="本人（所代办的人、所代表的法人）的办件和参与的办件，新的在前。"
    )


@strawberry.type
class Mutation:
    submit_case: CaseDetail = strawberry.mutation(
        resolver=_submit, description="提交申请：所有问题一次指出；有一处不对就什么都不留下。"
    )
    act_on_case: CaseDetail = strawberry.mutation(resolver=_act, description="办理一步：申请人或工作人员。")
    supplement_case: CaseDetail = strawberry.mutation(resolver=_supplement, description="申请人补正材料。")
    withdraw_case: CaseDetail = strawberry.mutation(resolver=_withdraw, description="申请人撤回申请。")


def case_roots() -> Roots:
    return Roots(Query, Mutation)


def _is_supplement(action: CaseAction, states: Mapping[str, State]) -> bool:
    return action.kind == "forward" and any(states[state].assign == "applicant" for state in action.from_)


def _is_withdrawal(action: CaseAction, states: Mapping[str, State]) -> bool:
    return action.kind == "withdraw"


async def _applicants(
    info: strawberry.Info, number: str, fits: Callable[[CaseAction, Mapping[str, State]], bool], what: str
) -> str:
    """The applicant's step of this kind; of several the one that leads on from where the case is. A repeated request
    finds the same one."""
    cases, context = info.context.host.cases, info.context
    case: Row = await cases.get(context.actor, number)
    workflow = await cases.definitions.workflow(context.generation.world, case.workflow, case.workflow_version)
    found: list[CaseAction] = [
        action for action in workflow.actions.values() if APPLICANT in action.roles and fits(action, workflow.states)
    ]
    found = [action for action in found if len(found) == 1 or case.state in action.from_]
    if len(found) != 1:
        raise ConflictError(f"办件现在不能{what}", hint="请刷新后看现在可以办什么")
    return found[0].id
