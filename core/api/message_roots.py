"""Root fields of messages: one's own, how one wants to be told, and who was told what about a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from tongban_sdk import Actor, NotFoundError, PermissionDeniedError

from core.api.case_names import names_of
from core.api.compose import Roots
from core.api.console import OPERATORS
from core.api.ids import known_id
from core.api.message_types import (
    CaseMessage,
    MessagePage,
    MessagePreferences,
    MessagePreferencesInput,
    MyMessage,
    UndeliveredMessage,
)
from core.api.paging import check_first
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.identity.required import require_login, require_role
from core.messages import Delivery, Message
from core.privacy.people import require_person

Number = Annotated[strawberry.ID, strawberry.argument(description="办件编号。")]
NO_MESSAGE = "没有这条消息"
Told = tuple[Message, list[Delivery]]


async def _my_messages(
    info: strawberry.Info,
    only_unread: Annotated[bool, strawberry.argument(description="只看未读的。")] = False,
    first: int = 20,
    after: str | None = None,
) -> MessagePage:
    messages, actor = info.context.host.messages, info.context.actor
    check_first(first)
    place = known_id(after, "翻页标记无效") if after else None
    found = await messages.mine(actor, only_unread=only_unread, first=first + 1, after=place)
    shown = found[:first]
    return MessagePage(
        nodes=[MyMessage.of(message) for message in shown], unread=await messages.count_unread(actor),
        has_next_page=len(found) > first, end_cursor=shown[-1].id if shown else None,
    )  # fmt: skip


async def _mark_read(
    info: strawberry.Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="消息的标识，一次至多 100 条。")],
) -> int:
    messages, actor = info.context.host.messages, info.context.actor
    await messages.mark_read(actor, [id for id in map(_id_or_none, ids) if id])
    return int(await messages.count_unread(actor))


async def _preferences(info: strawberry.Info) -> MessagePreferences:
    person = _own_person(info.context.actor)
    return MessagePreferences.of(await info.context.host.messages.preferences(person))


async def _set_preferences(info: strawberry.Info, input: MessagePreferencesInput) -> MessagePreferences:
    person, messages = _own_person(info.context.actor), info.context.host.messages
    await messages.set_preferences(person, input.preferences)
    return MessagePreferences.of(await messages.preferences(person))


async def _case_messages(info: strawberry.Info, number: Number) -> list[CaseMessage]:
    context: Any = info.context
    await _see_case(context, number)
    return await message_views(context, await context.host.messages.of_case(number))


async def _resend(info: strawberry.Info, id: strawberry.ID) -> CaseMessage:
    context: Any = info.context
    message = await context.host.messages.get(known_id(id, NO_MESSAGE))
    try:
        await _see_case(context, message.case_number or "")
    except NotFoundError:
        raise NotFoundError(NO_MESSAGE) from None
    await context.host.messages.resend(message.id)
    found = await context.host.messages.of_case(message.case_number)
    return (await message_views(context, [pair for pair in found if pair[0].id == message.id]))[0]


async def _undelivered(info: strawberry.Info, first: int = 20) -> list[UndeliveredMessage]:
    require_role(info.context.actor, OPERATORS, "只有系统管理员可以查看发送失败的消息")
    found = await info.context.host.messages.delivering.dead(check_first(first))
    return [
        UndeliveredMessage(
            id=strawberry.ID(dead.message_id), template=dead.template, channel=dead.channel, tries=dead.tries,
            case_number=strawberry.ID(dead.case_number) if dead.case_number else None, error=dead.error,
        )
        for dead in found
    ]  # fmt: skip


@strawberry.type
class Query:
    my_messages: MessagePage = strawberry.field(
        resolver=_my_messages,
        description="收到的消息和未读数：本人的；操作企业账号时是企业的；代办人只看委托范围内应用的。",
    )
    message_preferences: MessagePreferences = strawberry.field(
        resolver=_preferences, description="本人愿意怎样收消息。"
    )
    case_messages: list[CaseMessage] = strawberry.field(
        resolver=_case_messages, description="一件办件告知了谁、什么、是否送达；限看得到办件的工作人员。"
    )
    undelivered_messages: list[UndeliveredMessage] = strawberry.field(
        resolver=_undelivered, description="多次发送失败、本人也没有读到的消息，新的在前；限系统管理员。"
    )


@strawberry.type
class Mutation:
    mark_messages_read: int = strawberry.mutation(
        resolver=_mark_read, description="标为已读（即签收），返回剩余的未读数；不是自己的不受影响。"
    )
    set_message_preferences: MessagePreferences = strawberry.mutation(
        resolver=_set_preferences, description="设置本人愿意怎样收消息；代办人不能设置。"
    )
    resend_message: CaseMessage = strawberry.mutation(
        resolver=_resend, description="重发一条没有收到回执的消息；限看得到办件的工作人员。"
    )


def message_roots() -> Roots:
    return Roots(Query, Mutation)


def _own_person(actor: Actor) -> str:
    person = require_person(actor)
    if actor.agent is not None:
        raise PermissionDeniedError("代办人不能替本人设置", hint="由本人登录后设置")
    return person


async def _see_case(context: Any, number: str) -> None:
    if require_login(context.actor).kind != "staff":
        raise PermissionDeniedError("只有工作人员可以查看告知记录", hint="收到的消息见 myMessages")
    await context.host.cases.get(context.actor, number)


async def message_views(context: Any, found: Sequence[Told]) -> list[CaseMessage]:
    people = context.host.privacy.people
    masked = await people.masked_names([message.person for message, _ in found if message.person])
    names = await names_of(context, staff=[message.staff for message, _ in found])
    return [
        CaseMessage.of(message, deliveries, masked.get(message.person or "") or names.person(message.staff) or "")
        for message, deliveries in found
    ]


def told_to(actor: Actor, found: Sequence[Told]) -> list[Told]:
    """What a citizen was told himself; as a company's operator, what the company was told."""
    if actor.legal_entity is not None:
        return [pair for pair in found if pair[0].legal_entity == actor.legal_entity]
    mine = [pair for pair in found if pair[0].legal_entity is None and pair[0].person == actor.person]
    return [pair for pair in mine if actor.agent is None or pair[0].plugin_id in actor.scopes]


def _id_or_none(text: str) -> str | None:
    try:
        return parse_uuid(text)
    except FieldError:
        return None
