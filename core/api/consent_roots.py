"""Root fields of the consent ledger."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from core.api.compose import Roots
from core.privacy.consents import PurposeState
from core.privacy.retention import told


@strawberry.enum(description="处理个人信息的依据。")
class PurposeBasis(Enum):
    LEGAL_DUTY = strawberry.enum_value("legal_duty", description="法定职责：不以同意为前提，不能撤回。")
    CONSENT = strawberry.enum_value("consent", description="本人同意：可以随时撤回。")
    CONTRACT = strawberry.enum_value("contract", description="办理本人申请的事项所必需。")


@strawberry.enum(description="对一个目的的同意情况。")
class ConsentState(Enum):
    GRANTED = strawberry.enum_value("granted", description="已同意。")
    WITHDRAWN = strawberry.enum_value("withdrawn", description="已撤回。")
    NONE = strawberry.enum_value("none", description="没有表示过。")
    OUTDATED = strawberry.enum_value("outdated", description="同意之后说明文字或所涉信息变了，须重新决定。")
    NOT_NEEDED = strawberry.enum_value("not_needed", description="不以同意为依据。")


@strawberry.type(description="一个目的所涉的一项信息。")
class ConsentField:
    entity: str = strawberry.field(description="实体，如 core.person。")
    entity_title: str = strawberry.field(description="实体名称。")
    field: str = strawberry.field(description="字段名。")
    title: str = strawberry.field(description="字段名称。")
    level: str = strawberry.field(description="数据分级 L1 至 L4；L4 是敏感个人信息。")


@strawberry.type(description="一个应用处理个人信息的一个目的，和本人对它的态度。")
class MyConsent:
    purpose: str = strawberry.field(description="目的的标识：<应用>.<目的>。")
    plugin: str = strawberry.field(description="应用标识。")
    plugin_title: str = strawberry.field(description="应用名称。")
    title: str = strawberry.field(description="目的。")
    text: str = strawberry.field(description="给本人看的说明。")
    text_version: str = strawberry.field(description="说明文字和所涉信息的版本；同意时原样交回。")
    basis: PurposeBasis = strawberry.field(description="依据。")
    retention: str = strawberry.field(description="保存期限，如 3 年。")
    state: ConsentState = strawberry.field(description="同意情况。")
    since: datetime | None = strawberry.field(description="同意或撤回的时间。")
    guardian: strawberry.ID | None = strawberry.field(description="代为同意的监护人（core.person）。")
    can_withdraw: bool = strawberry.field(description="能否撤回。")
    note: str = strawberry.field(description="为什么不能撤回，或需要做什么；没有就为空。")
    fields: list[ConsentField] = strawberry.field(description="所涉信息。")


async def _my_consents(info: strawberry.Info, ward: strawberry.ID | None = None) -> list[MyConsent]:
    privacy, actor = info.context.host.privacy, info.context.actor
    person, plugins = await privacy.viewed(actor, ward)
    return [_consent(privacy, state) for state in await privacy.consents.states(person, plugins)]


async def _grant(
    info: strawberry.Info, purpose: str, text_version: str, ward: strawberry.ID | None = None
) -> MyConsent:
    privacy = info.context.host.privacy
    return _consent(privacy, await privacy.consents.grant(info.context.actor, purpose, text_version, ward))


async def _withdraw(info: strawberry.Info, purpose: str, ward: strawberry.ID | None = None) -> MyConsent:
    privacy = info.context.host.privacy
    return _consent(privacy, await privacy.consents.withdraw(info.context.actor, purpose, ward))


async def _grant_at_counter(
    info: strawberry.Info, person: strawberry.ID, purpose: str, text_version: str, proof: strawberry.ID,
    guardian: strawberry.ID | None = None,
) -> MyConsent:  # fmt: skip
    privacy = info.context.host.privacy
    state = await privacy.consents.grant_at_counter(info.context.actor, person, purpose, text_version, proof, guardian)
    return _consent(privacy, state)


async def _withdraw_at_counter(
    info: strawberry.Info, person: strawberry.ID, purpose: str, proof: strawberry.ID
) -> MyConsent:
    privacy = info.context.host.privacy
    return _consent(privacy, await privacy.consents.withdraw_at_counter(info.context.actor, person, purpose, proof))


@strawberry.type
class Query:
    my_consents: list[MyConsent] = strawberry.field(
        resolver=_my_consents, description="各应用处理本人信息的目的和同意情况；ward 为被监护人时看他的。"
    )


@strawberry.type
class Mutation:
    grant_consent: MyConsent = strawberry.mutation(
        resolver=_grant, description="同意一个目的。未满十四周岁的，由监护人登录后以 ward 指明孩子。"
    )
    withdraw_consent: MyConsent = strawberry.mutation(
        resolver=_withdraw, description="撤回同意；以此为依据的读取立即停止，此后只保存和保护，直到删除。"
    )
    grant_consent_at_counter: MyConsent = strawberry.mutation(
        resolver=_grant_at_counter, description="窗口人员凭签字的凭证登记同意；未满十四周岁的须指明监护人。"
    )
    withdraw_consent_at_counter: MyConsent = strawberry.mutation(
        resolver=_withdraw_at_counter, description="窗口人员凭签字的凭证登记撤回。"
    )


ROOTS = Roots(Query, Mutation)


def _consent(privacy: Any, state: PurposeState) -> MyConsent:
    text, purpose = state.text, state.text.purpose
    return MyConsent(
        purpose=text.key, plugin=text.plugin_id, plugin_title=text.plugin_title, title=purpose.title,
        text=purpose.text, text_version=text.version, basis=PurposeBasis(purpose.basis),
        retention=told(purpose.retention), state=ConsentState(state.state), since=state.since,
        guardian=strawberry.ID(state.guardian) if state.guardian else None, can_withdraw=state.can_withdraw,
        note=state.note, fields=[*_fields(privacy, text.plugin_id, text.fields)],
    )  # fmt: skip


def _fields(privacy: Any, plugin_id: str, names: tuple[str, ...]) -> Any:
    for name in names:
        entity_name, _, field_name = name.partition(".")
        entity = privacy.world.entity(f"{plugin_id}.{entity_name}")
        field = entity.fields.get(field_name) if entity else None
        yield ConsentField(
            entity=f"{plugin_id}.{entity_name}", entity_title=entity.title if entity else entity_name,
            field=field_name, title=field.title if field else field_name, level=field.level if field else "L4",
        )  # fmt: skip
