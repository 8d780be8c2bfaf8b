"""Tables of bookings: places to be had of a resource, and who has taken them."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: Places of a resource, at a time or (stock) without one. `taken` counts held, confirmed, arrived and missed ones.
SLOT = Table(
    "tb_slot",
    (
        Column("id", "uuid", null=False, primary=True),
        #: Full key of the kind of booking: "community.room".
        Column("kind", "text", null=False),
        Column("plugin_id", "text", null=False),
        #: The row that is booked.
        Column("entity", "text", null=False),
        Column("resource", "uuid", null=False),
        Column("division", "text", null=False),
        #: Null for stock.
        Column("starts_at", "datetime"),
        Column("ends_at", "datetime"),
        #: Bookable from then on.
        Column("opens_at", "datetime", null=False),
        Column("quota", "int", null=False),
        Column("taken", "int", null=False, default=0),
        #: Bookings checked in: the last number of the queue.
        Column("arrived", "int", null=False, default=0),
        #: Slots published by one request.
        Column("batch", "uuid", null=False),
        Column("published_at", "datetime", null=False),
        Column("published_by", "text", null=False),
        Column("closed_at", "datetime"),
        Column("closed_by", "text"),
        #: Sealed.
        Column("closed_why", "text"),
    ),
    (Index(("resource", "kind", "starts_at")), Index(("batch",)), Index(("ends_at",))),
)

#: Somebody's places. Whose they are is an id, as of a case.
BOOKING = Table(
    "tb_booking",
    (
        Column("id", "uuid", null=False, primary=True),
        #: 预约号, beyond guessing.
        Column("number", "text", null=False),
        Column("slot", "uuid", null=False),
        Column("kind", "text", null=False),
        Column("plugin_id", "text", null=False),
        #: core.person or core.legal_entity it is for; `agent` took it for them; `account` was logged in.
        Column("person", "uuid"),
        Column("legal_entity", "uuid"),
        Column("agent", "uuid"),
        Column("account", "text", null=False),
        Column("quantity", "int", null=False),
        #: held, confirmed, released, expired, cancelled, arrived, missed
        Column("state", "text", null=False),
        #: Case that confirmed it.
        Column("case_number", "text"),
        Column("held_at", "datetime", null=False),
        #: When time does something to it: a hold expires, a confirmed one was missed. Null = nothing.
        Column("due_at", "datetime"),
        Column("confirmed_at", "datetime"),
        Column("ended_at", "datetime"),
        #: 排号, of the slot.
        Column("queue", "int"),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
    ),
    (
        Index(("number",), unique=True),
        Index(("slot", "state")),
        Index(("person", "held_at")),
        Index(("legal_entity", "held_at")),
        Index(("case_number",)),
        Index(("due_at",)),
        Index(("ended_at",)),
    ),
)

BOOKING_TABLES = (SLOT, BOOKING)
