"""Root fields of connectors: how outside systems stand, which calls failed, and making them anew."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from core.api.compose import Roots
from core.api.console import OPERATORS
from core.api.ids import known_id
from core.api.paging import check_first
from core.connectors import CallRow, Health
from core.connectors.connectors import NO_CALL
from core.identity.required import require_role

ONLY_OPERATORS = "只有系统管理员可以查看和重发对外部系统的调用"


@strawberry.enum(description="一次调用的情况。")
class ConnectorCallState(Enum):
    WAITING = strawberry.enum_value("waiting", description="等着发，或等着重试。")
    ANSWERED = strawberry.enum_value("answered", description="已答复。")
    DEAD = strawberry.enum_value("dead", description="多次失败，等人处理。")


@strawberry.type(description="对外部系统的一次调用；不含发出和收到的内容。")
class ConnectorCall:
    id: strawberry.ID = strawberry.field(description="标识，也是对方认得的幂等键。")
    connector: str = strawberry.field(description="连接器，如 core.courier。")
    operation: str = strawberry.field(description="操作。")
    state: ConnectorCallState = strawberry.field(description="情况。")
    case_number: strawberry.ID | None = strawberry.field(description="办件编号。")
    tries: int = strawberry.field(description="试过几次。")
    error: str | None = strawberry.field(description="上次失败的原因，只有种类。")
    at: datetime = strawberry.field(description="等着的，何时再发；其余为排定的时间。")
    created_at: datetime = strawberry.field(description="要求调用的时间。")
    ended_at: datetime | None = strawberry.field(description="答复或放弃的时间。")

    @classmethod
    def of(cls, call: CallRow) -> ConnectorCall:
        return cls(
            id=strawberry.ID(call.id), connector=call.connector, operation=call.operation,
            state=ConnectorCallState(call.state), tries=call.tries, error=call.error, at=call.at,
            case_number=strawberry.ID(call.case_number) if call.case_number else None, created_at=call.created_at,
            ended_at=call.ended_at,
        )  # fmt: skip


@strawberry.type(description="一页调用，新的在前。")
class ConnectorCallPage:
    nodes: list[ConnectorCall] = strawberry.field(description="调用。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="一个外部系统的情况。")
class ConnectorHealth:
    id: strawberry.ID = strawberry.field(description="连接器，如 core.courier。")
    title: str = strawberry.field(description="名称。")
    system: str = strawberry.field(description="外部系统。")
    adapter: str = strawberry.field(description="由谁接：一个类、simulator 模拟，空为没有接通，调用在等。")
    is_broken: bool = strawberry.field(description="连续失败，本节点隔一会儿才试一次。")
    waiting: int = strawberry.field(description="在等的调用。")
    dead: int = strawberry.field(description="多次失败、等人处理的调用。")
    answered_at: datetime | None = strawberry.field(description="最近一次答复的时间。")

    @classmethod
    def of(cls, found: Health) -> ConnectorHealth:
        one = found.connector
        return cls(
            id=strawberry.ID(one.key), title=one.title, system=one.system, adapter=found.adapter,
            is_broken=found.is_broken, waiting=found.waiting, dead=found.dead, answered_at=found.answered_at,
        )  # fmt: skip


async def _connectors(info: strawberry.Info) -> list[ConnectorHealth]:
    require_role(info.context.actor, OPERATORS, ONLY_OPERATORS)
    return [ConnectorHealth.of(found) for found in await info.context.host.connectors.health()]


async def _calls(
    info: strawberry.Info,
    state: Annotated[ConnectorCallState | None, strawberry.argument(description="只看这一种。")] = None,
    first: int = 20,
    after: str | None = None,
) -> ConnectorCallPage:
    require_role(info.context.actor, OPERATORS, ONLY_OPERATORS)
    check_first(first)
    place = known_id(after, "翻页标记无效") if after else None
    chosen = str(state.value) if state else None
    found = await info.context.host.connectors.page(chosen, first + 1, place)
    shown = found[:first]
    return ConnectorCallPage(
        nodes=[ConnectorCall.of(call) for call in shown], has_next_page=len(found) > first,
        end_cursor=shown[-1].id if shown else None,
    )  # fmt: skip


async def _redrive(info: strawberry.Info, id: strawberry.ID) -> ConnectorCall:
    actor = info.context.actor
    require_role(actor, OPERATORS, ONLY_OPERATORS)
    return ConnectorCall.of(await info.context.host.connectors.redrive(actor, known_id(id, NO_CALL)))


@strawberry.type
class Query:
    connectors: list[ConnectorHealth] = strawberry.field(
        resolver=_connectors, description="各外部系统的情况；限系统管理员。"
    )
    connector_calls: ConnectorCallPage = strawberry.field(
        resolver=_calls, description="对外部系统的调用，新的在前；限系统管理员。"
    )


@strawberry.type
class Mutation:
    redrive_call: ConnectorCall = strawberry.mutation(
        resolver=_redrive, description="把多次失败的调用重新发出，幂等键不变；限系统管理员。"
    )


def connector_roots() -> Roots:
    return Roots(Query, Mutation)
