"""Root fields of delegations and guardian links: who may act for whom."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from core.api.compose import Roots
from core.api.login_types import SentCode
from core.api.measure import LOOKS_AT_SECRET
from core.privacy.confirming import Grant
from core.write.values import Row


@strawberry.enum(description="代办的方式。")
class DelegationKind(Enum):
    KIN = strawberry.enum_value("kin", description="亲友代办。")
    AUTHORIZED = strawberry.enum_value("authorized", description="授权代办。")
    VILLAGE = strawberry.enum_value("village", description="村级代办：只在窗口或代办点登记。")


@strawberry.input(description="委托的内容。")
class DelegationInput:
    kind: DelegationKind = strawberry.field(description="方式。")
    scopes: list[str] = strawberry.field(description="应用标识；只对这些应用有效。")
    until: datetime = strawberry.field(description="到这一刻为止有效，最长三年。")
    since: datetime | None = strawberry.field(default=None, description="从这一刻起有效；不写就是现在。")
    item_codes: list[str] | None = strawberry.field(
        default=None, description="只委托这些事项（实体，如 community.certificate_request）；不写就是所选应用的全部。"
    )
    proof: strawberry.ID | None = strawberry.field(default=None, description="凭证文件；窗口登记不用确认码时必填。")
    proof_text: str | None = strawberry.field(default=None, description="凭证说明。")


@strawberry.type(description="一项委托。")
class MyDelegation:
    id: strawberry.ID = strawberry.field(description="标识。")
    principal: strawberry.ID = strawberry.field(description="委托人（core.person）。")
    agent: strawberry.ID = strawberry.field(description="代办人（core.person）。")
    other_name: str = strawberry.field(description="对方的姓名。")
    kind: DelegationKind = strawberry.field(description="方式。")
    scopes: list[str] = strawberry.field(description="应用标识。")
    since: datetime = strawberry.field(description="生效时间。")
    until: datetime = strawberry.field(description="失效时间。")
    state: str = strawberry.field(description="active 有效、revoked 已撤销、expired 已到期。")
    at_counter: bool = strawberry.field(description="是否在窗口登记。")


@strawberry.type(description="本人给出的和收到的委托。")
class MyDelegations:
    given: list[MyDelegation] = strawberry.field(description="别人可以替我办事。")
    received: list[MyDelegation] = strawberry.field(description="我可以替别人办事。")


@strawberry.type(description="一项监护关系。")
class MyGuardianLink:
    id: strawberry.ID = strawberry.field(description="标识。")
    guardian: strawberry.ID = strawberry.field(description="监护人（core.person）。")
    ward: strawberry.ID = strawberry.field(description="被监护人（core.person）。")
    other_name: str = strawberry.field(description="对方的姓名。")
    state: str = strawberry.field(description="pending 待核验、verified 已核验、revoked 已撤销。")
    until: date | None = strawberry.field(description="到这一天为止有效，不含这一天。")


@strawberry.type(description="本人作为监护人和被监护人的关系。")
class MyGuardianLinks:
    wards: list[MyGuardianLink] = strawberry.field(description="我监护的人。")
    guardians: list[MyGuardianLink] = strawberry.field(description="监护我的人。")


async def _my_delegations(info: strawberry.Info) -> MyDelegations:
    privacy = info.context.host.privacy
    given, received = await privacy.delegations.mine(info.context.actor)
    names = await privacy.people.names([row["agent"] for row in given] + [row["principal"] for row in received])
    return MyDelegations(
        given=[_delegation(row, names[row["agent"]]) for row in given],
        received=[_delegation(row, names[row["principal"]]) for row in received],
    )


async def _my_guardian_links(info: strawberry.Info) -> MyGuardianLinks:
    privacy = info.context.host.privacy
    wards, guardians = await privacy.guardians.mine(info.context.actor)
    names = await privacy.people.names([row["ward"] for row in wards] + [row["guardian"] for row in guardians])
    return MyGuardianLinks(
        wards=[_link(row, names[row["ward"]]) for row in wards],
        guardians=[_link(row, names[row["guardian"]]) for row in guardians],
    )


async def _grant(
    info: strawberry.Info, input: DelegationInput, agent_name: str, agent_phone: str | None = None,
    agent_idno: str | None = None,
) -> strawberry.ID:  # fmt: skip
    delegations, actor = info.context.host.privacy.delegations, info.context.actor
    agent = await delegations.find_person(actor, agent_name, phone=agent_phone, idno=agent_idno)
    return strawberry.ID(await delegations.grant(actor, agent, _grant_of(input)))


async def _grant_at_counter(
    info: strawberry.Info, input: DelegationInput, principal: strawberry.ID, agent: strawberry.ID,
    code: str | None = None,
) -> strawberry.ID:  # fmt: skip
    delegations, actor = info.context.host.privacy.delegations, info.context.actor
    return strawberry.ID(await delegations.grant_at_counter(actor, principal, agent, _grant_of(input), code))


async def _request_code(
    info: strawberry.Info, input: DelegationInput, principal: strawberry.ID, agent: strawberry.ID
) -> SentCode:
    delegations = info.context.host.privacy.delegations
    return SentCode(valid_s=await delegations.request_code(info.context.actor, principal, agent, _grant_of(input)))


async def _revoke(info: strawberry.Info, id: strawberry.ID, reason: str = "") -> strawberry.ID:
    await info.context.host.privacy.delegations.revoke(info.context.actor, id, reason)
    return id


async def _revoke_at_counter(info: strawberry.Info, id: strawberry.ID, reason: str) -> strawberry.ID:
    await info.context.host.privacy.delegations.revoke_at_counter(info.context.actor, id, reason)
    return id


async def _register(
    info: strawberry.Info, guardian: strawberry.ID, ward: strawberry.ID, relation: str, proof: strawberry.ID,
    proof_text: str | None = None, until: date | None = None,
) -> strawberry.ID:  # fmt: skip
    values: dict[str, Any] = {
        "guardian": guardian, "ward": ward, "relation": relation, "proof": proof, "proof_text": proof_text,
        "until": until,
    }  # fmt: skip
    return strawberry.ID(await info.context.host.privacy.guardians.register(info.context.actor, values))


async def _verify(info: strawberry.Info, id: strawberry.ID) -> strawberry.ID:
    await info.context.host.privacy.guardians.verify(info.context.actor, id)
    return id


async def _revoke_link(info: strawberry.Info, id: strawberry.ID, reason: str) -> strawberry.ID:
    await info.context.host.privacy.guardians.revoke(info.context.actor, id, reason)
    return id


@strawberry.type
class Query:
    my_delegations: MyDelegations = strawberry.field(resolver=_my_delegations, description="本人给出和收到的委托。")
    my_guardian_links: MyGuardianLinks = strawberry.field(
        resolver=_my_guardian_links, description="本人监护的人和监护本人的人。"
    )


@strawberry.type
class Mutation:
    grant_delegation: strawberry.ID = strawberry.mutation(
        resolver=_grant,
        description="委托一个人替自己办事；代办人的姓名和手机号（或身份证号）须与登记的相符。返回委托的标识。",
    )
    grant_delegation_at_counter: strawberry.ID = strawberry.mutation(
        resolver=_grant_at_counter, metadata=LOOKS_AT_SECRET,
        description="窗口或村（社区）工作人员登记委托，凭签字的凭证，或 requestDelegationCode 发到委托人手机的确认码。",
    )  # fmt: skip
    request_delegation_code: SentCode = strawberry.mutation(
        resolver=_request_code, metadata=LOOKS_AT_SECRET,
        description="窗口登记委托前向委托人的手机发送确认码：只对这些内容和这名经办人有效，不能用来登录；短信写明用途。",
    )  # fmt: skip
    revoke_delegation: strawberry.ID = strawberry.mutation(
        resolver=_revoke, description="撤销委托：委托人、他的监护人，或辞去代办的代办人。代办人的会话随即失效。"
    )
    revoke_delegation_at_counter: strawberry.ID = strawberry.mutation(
        resolver=_revoke_at_counter, description="窗口或村（社区）工作人员撤销委托。"
    )
    register_guardian: strawberry.ID = strawberry.mutation(
        resolver=_register, description="窗口人员凭证明登记监护关系；另一名窗口人员核验后生效。"
    )
    verify_guardian: strawberry.ID = strawberry.mutation(
        resolver=_verify, description="核验监护关系；登记人和当事人不能核验。"
    )
    revoke_guardian: strawberry.ID = strawberry.mutation(resolver=_revoke_link, description="窗口人员撤销监护关系。")


ROOTS = Roots(Query, Mutation)


def _grant_of(given: DelegationInput) -> Grant:
    return Grant(
        kind=str(given.kind.value), scopes=given.scopes, until=given.until, since=given.since,
        item_codes=given.item_codes or (), proof=given.proof, proof_text=given.proof_text,
    )  # fmt: skip


def _delegation(row: Row, name: str) -> MyDelegation:
    return MyDelegation(
        id=strawberry.ID(row["id"]), principal=strawberry.ID(row["principal"]), agent=strawberry.ID(row["agent"]),
        other_name=name, kind=DelegationKind(row["kind"]), scopes=row["scopes"], since=row["since"],
        until=row["until"], state=row["state"], at_counter=row["made_at_counter"] is not None,
    )  # fmt: skip


def _link(row: Row, name: str) -> MyGuardianLink:
    return MyGuardianLink(
        id=strawberry.ID(row["id"]), guardian=strawberry.ID(row["guardian"]), ward=strawberry.ID(row["ward"]),
        other_name=name, state=row["state"], until=row["until"],
    )  # fmt: skip
