"""Root fields of legal persons: which ones somebody may act for, acting for one, and who else may."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from tongban_sdk import InputProblem, InvalidInputError

from core.api.compose import Roots
from core.api.ids import known_id
from core.api.measure import LOOKS_AT_SECRET
from core.api.session_types import SessionTokens
from core.host import Host
from core.identity.legal import check_level
from core.privacy.operators import Operators

EntityId = Annotated[strawberry.ID, strawberry.argument(description="法人（core.legal_entity）。")]


@strawberry.type(description="自己可以代表的法人。")
class MyLegalEntity:
    id: strawberry.ID = strawberry.field(description="法人（core.legal_entity）。")
    name: str = strawberry.field(description="名称。")
    uscc: str = strawberry.field(description="统一社会信用代码。")
    is_representative: bool = strawberry.field(description="自己是法定代表人，可以登记经办人。")


async def _my_legal_entities(info: strawberry.Info) -> list[MyLegalEntity]:
    rows = await _operators(info).entities_of(info.context.actor)
    person = info.context.actor.person
    return [
        MyLegalEntity(
            id=strawberry.ID(row["id"]), name=row["name"], uscc=row["uscc"],
            is_representative=row["representative"] == person,
        )
        for row in rows
    ]  # fmt: skip


async def _act_for(
    info: strawberry.Info, legal_entity: EntityId,
    client: Annotated[str, strawberry.argument(description="设备的称呼，在 mySessions 里认得出；可以不填。")] = "",
) -> SessionTokens:  # fmt: skip
    return SessionTokens.of(await _host(info).login.legal.act_for(info.context.actor, known_id(legal_entity), client))


async def _register_operator(
    info: strawberry.Info, legal_entity: EntityId,
    name: Annotated[str, strawberry.argument(description="经办人姓名。")],
    idno: Annotated[str, strawberry.argument(description="经办人公民身份号码。")],
    until: Annotated[datetime | None, strawberry.argument(description="失效时间；不填表示长期。")] = None,
) -> strawberry.ID:  # fmt: skip
    login, actor = _host(info).login, info.context.actor
    check_level(actor)
    account = await login.citizens.own_account(actor)
    operators = _operators(info)
    await operators.require_representative(actor, known_id(legal_entity))
    person = await login.real_names.find(account, name, idno)
    if person is None:
        problem = InputProblem(("idno",), "姓名与公民身份号码不一致", "operator.unknown")
        raise InvalidInputError("没有找到经办人", [problem])
    return strawberry.ID(await operators.register(actor, known_id(legal_entity), person, until))


async def _dismiss_operator(
    info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="core.legal_operator 的 id。")]
) -> bool:
    await _operators(info).dismiss(info.context.actor, known_id(id))
    return True


@strawberry.type
class Query:
    my_legal_entities: list[MyLegalEntity] = strawberry.field(
        resolver=_my_legal_entities, description="自己作为法定代表人或经办人可以代表的法人。"
    )


@strawberry.type
class Mutation:
    act_for_legal_entity: SessionTokens = strawberry.mutation(
        resolver=_act_for, description="法定代表人或经办人以法人身份登录；须核验过证件。本人的会话继续有效。"
    )
    register_operator: strawberry.ID = strawberry.mutation(
        resolver=_register_operator, metadata=LOOKS_AT_SECRET,
        description="法定代表人登记经办人；核对姓名和公民身份号码。返回 core.legal_operator 的 id。",
    )  # fmt: skip
    dismiss_operator: bool = strawberry.mutation(
        resolver=_dismiss_operator, description="法定代表人撤销经办人，他代表法人的登录随即结束。"
    )


def legal_roots() -> Roots:
    return Roots(Query, Mutation)


def _host(info: strawberry.Info) -> Host:
    host: Host = info.context.host
    return host


def _operators(info: strawberry.Info) -> Operators:
    return Operators(_host(info).privacy.desk)
