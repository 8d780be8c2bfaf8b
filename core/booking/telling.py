"""What a change of a booking leaves beside its rows: audit lines, events, words to the person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tongban_sdk.actor import Actor

from core.audit import Entry
from core.booking.rows import Booking, Slot
from core.expr.clock import CHINA
from core.manifest.bookings import BookingKind
from core.manifest.cases import APPLICANT, NOWHERE, Limit
from core.manifest.outputs import MessageTemplate
from core.messages import Messages, Recipient
from core.store.database import Insert, Transaction
from core.store.engine import OUTBOX
from core.store.ids import uuid7

#: 停办：everybody is told, by whatever way reaches him.
CLOSED = MessageTemplate(
    plugin_id="core", id="slot_closed", title="预约取消通知", channels=("inbox", "sms", "phone"), to=APPLICANT,
    text="您的{item}（预约号{case_no}，{due}）因故取消，请另约。详情见“我的预约”，或咨询{unit}",
    must_reach_within=Limit(2, "H"), place=NOWHERE,
)  # fmt: skip


def line(actor: Actor, action: str, slot: Slot, bookings: Iterable[Booking] = ()) -> Entry:
    """Of the audit: whose bookings, by number."""
    found = list(bookings)
    subjects = tuple(dict.fromkeys(owner for one in found if (owner := one.person or one.legal_entity)))
    case = next((one.case_number for one in found if one.case_number), "")
    detail = "、".join(one.number for one in found[:20])
    return Entry(actor, action, slot.entity, slot.resource, subjects=subjects, case=case or "", detail=detail)


def event(topic: str, slot: Slot, now: datetime) -> Insert:
    """Something about the bookings of this resource has changed; who may see the row may learn it."""
    values = {"topic": topic, "entity": slot.entity, "row_id": slot.resource, "version": 1, "at": now}
    return Insert(OUTBOX, {"id": uuid7(), **values})


async def tell_closed(
    tx: Transaction, messages: Messages, kind: BookingKind, unit: str, slot: Slot, bookings: Iterable[Booking]
) -> None:
    """Each person, about each of his bookings."""
    for one in bookings:
        facts = {"case_no": one.number, "item": kind.title, "due": day_time(slot.starts_at), "unit": unit}
        to = Recipient(person=one.agent if one.legal_entity else one.person, legal_entity=one.legal_entity)
        # The words are the host's; delegates read what their applications told.
        await messages.send_in(tx, replace(CLOSED, plugin_id=kind.plugin_id), [to], facts, None, division=slot.division)


def day_time(at: datetime | None) -> str:
    if at is None:
        return "不限时间"
    local = at.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日{local:%H:%M}"
