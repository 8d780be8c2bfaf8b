"""GraphQL types of bookings."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from core.booking import Booking, Plan, Seen, Slot
from core.booking.plans import times_of
from core.manifest.bookings import BookingKind

STATE = (
    "held 待确认、confirmed 已预约、released 已释放、expired 占位过期、cancelled 已取消、arrived 已签到、missed 爽约。"
)


@strawberry.type(description="一种预约和它的规矩。")
class BookingKindInfo:
    kind: str = strawberry.field(description="标识，如 community.room。")
    title: str = strawberry.field(description="名称。")
    plugin: str = strawberry.field(description="应用标识。")
    resource: str = strawberry.field(description="预约什么：实体，如 community.activity_room。")
    is_stock: bool = strawberry.field(description="库存：只有数量，没有时段。")
    hold_minutes: int = strawberry.field(description="占位多少分钟，没有确认就释放。")
    per_person: int = strawberry.field(description="每人同时至多几个，0 不限。")
    quantity_max: int = strawberry.field(description="每次至多几个名额。")
    audience: list[str] = strawberry.field(description="person 个人、legal 法人和其他组织。")
    real_name: int = strawberry.field(description="要几级实名。")

    @classmethod
    def of(cls, kind: BookingKind) -> BookingKindInfo:
        return cls(
            kind=kind.key, title=kind.title, plugin=kind.plugin_id, resource=kind.resource,
            is_stock=kind.kind == "stock", hold_minutes=kind.hold_for.value * (60 if kind.hold_for.unit == "H" else 1),
            per_person=kind.per_person, quantity_max=kind.quantity_max, audience=list(kind.audience),
            real_name=kind.real_name,
        )  # fmt: skip


@strawberry.type(description="一个可以预约的时段；库存没有起止时间。")
class BookingSlot:
    id: strawberry.ID = strawberry.field(description="标识。")
    kind: str = strawberry.field(description="哪种预约。")
    resource: strawberry.ID = strawberry.field(description="资源（那一行）的标识。")
    starts_at: datetime | None = strawberry.field(description="开始（UTC）。")
    ends_at: datetime | None = strawberry.field(description="结束（UTC）。")
    opens_at: datetime = strawberry.field(description="放号的时间（UTC）；此前不能约。")
    quota: int = strawberry.field(description="名额。")
    free: int = strawberry.field(description="现在还有几个；停办的为 0。")
    is_closed: bool = strawberry.field(description="已停办。")

    @classmethod
    def of(cls, seen: Seen) -> BookingSlot:
        slot = seen.slot
        return cls(
            id=strawberry.ID(slot.id), kind=slot.kind, resource=strawberry.ID(slot.resource), starts_at=slot.starts_at,
            ends_at=slot.ends_at, opens_at=slot.opens_at, quota=slot.quota, free=seen.free,
            is_closed=slot.closed_at is not None,
        )  # fmt: skip


@strawberry.type(description="本人（被监护人、所代办的人、所代表的法人）的一个预约。")
class MyBooking:
    number: strawberry.ID = strawberry.field(description="预约号，到场出示。")
    kind: str = strawberry.field(description="哪种预约。")
    slot: strawberry.ID = strawberry.field(description="时段的标识。")
    resource: strawberry.ID = strawberry.field(description="资源的标识。")
    person: strawberry.ID | None = strawberry.field(description="给谁约的（core.person）；法人的为空。")
    starts_at: datetime | None = strawberry.field(description="开始（UTC）；库存为空。")
    ends_at: datetime | None = strawberry.field(description="结束（UTC）；库存为空。")
    quantity: int = strawberry.field(description="几个名额。")
    state: str = strawberry.field(description=STATE)
    expires_at: datetime | None = strawberry.field(description="待确认的：最迟什么时候确认（UTC）。")
    queue: int | None = strawberry.field(description="签到后的排号。")
    case_number: strawberry.ID | None = strawberry.field(description="由哪件办件确认。")
    closed_why: str | None = strawberry.field(description="时段停办的原因。")

    @classmethod
    def of(cls, booking: Booking, slot: Slot, closed_why: str | None) -> MyBooking:
        return cls(
            number=strawberry.ID(booking.number), kind=booking.kind, slot=strawberry.ID(slot.id),
            resource=strawberry.ID(slot.resource), person=strawberry.ID(booking.person) if booking.person else None,
            starts_at=slot.starts_at, ends_at=slot.ends_at, quantity=booking.quantity, state=booking.state,
            expires_at=booking.due_at if booking.state == "held" else None, queue=booking.queue,
            case_number=strawberry.ID(booking.case_number) if booking.case_number else None, closed_why=closed_why,
        )  # fmt: skip


@strawberry.type(description="一页预约，新的在前。")
class MyBookingPage:
    nodes: list[MyBooking] = strawberry.field(description="预约。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="一个时段的一个预约，给管理它的工作人员看。")
class SlotBooking:
    number: strawberry.ID = strawberry.field(description="预约号。")
    name: str = strawberry.field(description="预约人，姓名脱敏；法人的为空。")
    quantity: int = strawberry.field(description="几个名额。")
    state: str = strawberry.field(description=STATE)
    queue: int | None = strawberry.field(description="排号。")

    @classmethod
    def of(cls, booking: Booking, name: str) -> SlotBooking:
        return cls(
            number=strawberry.ID(booking.number), name=name, quantity=booking.quantity, state=booking.state,
            queue=booking.queue,
        )  # fmt: skip


@strawberry.input(description="要发布的时段：这些天里，这几个星期几，每天这几个时间。库存只写名额。")
class SlotPlanInput:
    quota: int = strawberry.field(description="每个时段几个名额。")
    first_day: date | None = strawberry.field(default=None, description="第一天（北京时间）。")
    last_day: date | None = strawberry.field(default=None, description="最后一天，至多 366 天。")
    weekdays: list[int] | None = strawberry.field(default=None, description="1 周一 … 7 周日；不写就每天。")
    times: list[str] | None = strawberry.field(default=None, description="开始时间，如 09:00。")
    length_min: int = strawberry.field(default=0, description="每段多少分钟。")

    @property
    def plan(self) -> Plan:
        days = {} if self.weekdays is None else {"weekdays": frozenset(self.weekdays)}
        return Plan(
            self.quota,
            self.first_day,
            self.last_day,
            times=times_of(self.times or ()),
            length_min=self.length_min,
            **days,
        )
