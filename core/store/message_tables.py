"""Tables of messages: what somebody is told, on which channels it went out, and how people want to be told.

No address lies here: it is read when a channel needs it.
"""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: Words for one person, as they were told. They hold facts of at most L2.
MESSAGE = Table(
    "tb_message",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("plugin_id", "text", null=False),
        #: "community.done"
        Column("template", "text", null=False),
        Column("case_number", "text"),
        #: Whose calendar `limit` runs by.
        Column("division", "text", null=False),
        #: core.person; with a `legal_entity` it is told as that company's operator.
        Column("person", "uuid"),
        Column("legal_entity", "uuid"),
        Column("staff", "uuid"),
        Column("title", "text", null=False),
        Column("text", "text", null=False),
        #: In order, as the template and the person's wishes made them; "person" at the end of one that must reach.
        Column("channels", "json", null=False),
        #: Night is no reason to wait.
        Column("is_urgent", "bool", null=False),
        #: [value, unit, calendar, basis]: the next channel follows when the one before stays silent for this long.
        Column("limit", "json"),
        Column("sent_at", "datetime", null=False),
        Column("read_at", "datetime"),
        #: First sign that the person has it: read, or a receipt.
        Column("reached_at", "datetime"),
    ),
    (
        Index(("person", "id")),
        Index(("legal_entity", "id")),
        Index(("staff", "id")),
        Index(("case_number",)),
    ),
)

#: A message on one channel. The id is the key that a gateway knows it by, however often it is handed over.
DELIVERY = Table(
    "tb_delivery",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("message_id", "uuid", null=False),
        #: Which of the message's channels.
        Column("place", "int", null=False),
        Column("channel", "text", null=False),
        #: waiting, sent, delivered (a receipt came), skipped (reached before), dead
        Column("status", "text", null=False),
        #: Not before.
        Column("at", "datetime", null=False),
        Column("tries", "int", null=False, default=0),
        #: Kind of the last error, never its text.
        Column("error", "text"),
        Column("sent_at", "datetime"),
        Column("receipt_at", "datetime"),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
    ),
    (Index(("status", "at")), Index(("message_id",))),
)

#: How a person wants to be told; no row = as the templates say.
MESSAGE_PREFERENCE = Table(
    "tb_message_preference",
    (
        #: core.person
        Column("id", "uuid", null=False, primary=True),
        #: Channels that are off, except for what must reach.
        Column("off", "json", null=False),
        #: 长辈模式: a call comes before anything written.
        Column("is_phone_first", "bool", null=False),
        #: Minutes of the day in +08:00 between which nothing rings.
        Column("quiet_from", "int", null=False),
        Column("quiet_to", "int", null=False),
        Column("changed_at", "datetime", null=False),
    ),
)

MESSAGE_TABLES = (MESSAGE, DELIVERY, MESSAGE_PREFERENCE)
