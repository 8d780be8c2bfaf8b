"""GraphQL types of messages."""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum

import strawberry

from core.clock.rows import clock_of
from core.messages import Delivery, Message, Preferences
from core.messages.preferences import PERSON

#: "22:00"; what is none becomes a minute no day has.
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
NO_MINUTE = -1


@strawberry.enum(description="离开本平台的消息渠道。")
class MessageChannel(Enum):
    SMS = strawberry.enum_value("sms", description="短信。")
    PHONE = strawberry.enum_value("phone", description="电话。")
    WECHAT = strawberry.enum_value("wechat", description="微信。")


@strawberry.type(description="发给本人（或本企业、本岗位）的一条消息。")
class MyMessage:
    id: strawberry.ID = strawberry.field(description="标识。")
    title: str = strawberry.field(description="标题。")
    text: str = strawberry.field(description="正文。")
    case_number: strawberry.ID | None = strawberry.field(description="所说的办件的编号。")
    plugin: str = strawberry.field(description="应用标识。")
    sent_at: datetime = strawberry.field(description="发出的时间。")
    read_at: datetime | None = strawberry.field(description="读过的时间；空为未读。")

    @classmethod
    def of(cls, message: Message) -> MyMessage:
        return cls(
            id=strawberry.ID(message.id), title=message.title, text=message.text, plugin=message.plugin_id,
            case_number=strawberry.ID(message.case_number) if message.case_number else None, sent_at=message.sent_at,
            read_at=message.read_at,
        )  # fmt: skip


@strawberry.type(description="一页消息，新的在前。")
class MessagePage:
    nodes: list[MyMessage] = strawberry.field(description="消息。")
    unread: int = strawberry.field(description="未读的总数。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="本人愿意怎样收消息。")
class MessagePreferences:
    off: list[MessageChannel] = strawberry.field(description="不用的渠道；必须送达的消息不受此限。")
    is_phone_first: bool = strawberry.field(description="长辈模式：先打电话。")
    quiet_from: str = strawberry.field(description="免打扰从几点起，如 22:00；紧急的消息不受此限。")
    quiet_to: str = strawberry.field(description="免打扰到几点止，如 07:00；与起点相同就是没有免打扰。")

    @classmethod
    def of(cls, found: Preferences) -> MessagePreferences:
        return cls(
            off=[MessageChannel(name) for name in sorted(found.off)], is_phone_first=found.is_phone_first,
            quiet_from=clock_of(found.quiet_from * 60), quiet_to=clock_of(found.quiet_to * 60),
        )  # fmt: skip


@strawberry.input(description="愿意怎样收消息。")
class MessagePreferencesInput:
    off: list[MessageChannel] = strawberry.field(default_factory=list, description="不用的渠道。")
    is_phone_first: bool = strawberry.field(default=False, description="长辈模式：先打电话。")
    quiet_from: str = strawberry.field(default="22:00", description="免打扰从几点起。")
    quiet_to: str = strawberry.field(default="07:00", description="免打扰到几点止。")

    @property
    def preferences(self) -> Preferences:
        off = frozenset(str(channel.value) for channel in self.off)
        return Preferences(off, self.is_phone_first, _minute(self.quiet_from), _minute(self.quiet_to))


@strawberry.type(description="一条消息在一种渠道上的发送。")
class MessageDelivery:
    channel: str = strawberry.field(description="inbox 站内、sms 短信、phone 电话、wechat 微信、person 交给工作人员。")
    status: str = strawberry.field(
        description="waiting 待发、sent 已发、delivered 已送达、skipped 已不需要、dead 多次失败。"
    )
    at: datetime = strawberry.field(description="待发的何时发；其余为排定的时间。")
    tries: int = strawberry.field(description="试过几次。")
    error: str | None = strawberry.field(description="失败的原因；no-address 为没有号码。")
    sent_at: datetime | None = strawberry.field(description="发出的时间。")
    receipt_at: datetime | None = strawberry.field(description="回执的时间。")

    @classmethod
    def of(cls, found: Delivery) -> MessageDelivery:
        return cls(
            channel=found.channel, status=found.status, at=found.at, tries=found.tries, error=found.error,
            sent_at=found.sent_at, receipt_at=found.receipt_at,
        )  # fmt: skip


@strawberry.type(description="一件办件告知了谁、什么、怎样送达。")
class CaseMessage:
    id: strawberry.ID = strawberry.field(description="标识。")
    to: str = strawberry.field(description="告知的人；群众的姓名脱敏。")
    is_staff: bool = strawberry.field(description="是否工作人员。")
    title: str = strawberry.field(description="标题。")
    text: str = strawberry.field(description="正文。")
    must_reach: bool = strawberry.field(description="是否必须送达。")
    sent_at: datetime = strawberry.field(description="发出的时间。")
    read_at: datetime | None = strawberry.field(description="读过的时间。")
    reached_at: datetime | None = strawberry.field(description="确知收到的时间：读过，或有回执。")
    deliveries: list[MessageDelivery] = strawberry.field(description="各渠道的发送，按先后。")

    @classmethod
    def of(cls, message: Message, deliveries: list[Delivery], to: str) -> CaseMessage:
        return cls(
            id=strawberry.ID(message.id), to=to, is_staff=message.staff is not None, title=message.title,
            text=message.text, must_reach=PERSON in message.channels, sent_at=message.sent_at,
            read_at=message.read_at, reached_at=message.reached_at,
            deliveries=[MessageDelivery.of(found) for found in deliveries],
        )  # fmt: skip


@strawberry.type(description="多次失败、本人也没有读到的消息。")
class UndeliveredMessage:
    id: strawberry.ID = strawberry.field(description="消息的标识。")
    template: str = strawberry.field(description="模板，如 community.done。")
    case_number: strawberry.ID | None = strawberry.field(description="办件编号。")
    channel: str = strawberry.field(description="失败的渠道。")
    tries: int = strawberry.field(description="试过几次。")
    error: str | None = strawberry.field(description="失败的原因；no-address 为没有号码。")


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    return int(match[1]) * 60 + int(match[2]) if match else NO_MINUTE
