"""Tables of connectors: what was sent to outside systems, what came from them, and which requests are used up."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: A call of an outside system. The id is the key it knows the call by, however often it is made.
CONNECTOR_CALL = Table(
    "tb_connector_call",
    (
        Column("id", "uuid", null=False, primary=True),
        #: "core.courier"
        Column("connector", "text", null=False),
        Column("operation", "text", null=False),
        #: Application and division it is made for; what is switched off there waits.
        Column("plugin_id", "text", null=False),
        Column("division", "text", null=False),
        #: The case whose step ordered it, and what of its workflow follows: {answer, events, on_answer, on_failure}.
        Column("case_id", "uuid"),
        Column("case_number", "text"),
        Column("follow", "json"),
        #: core.person it is made for: she may ask who was told about her.
        Column("person", "uuid"),
        #: Sealed; gone as soon as the answer is taken up.
        Column("request", "text"),
        #: Sealed.
        Column("answer", "text"),
        #: Number in the answer that later messages name.
        Column("number", "text"),
        #: waiting, answered, dead
        Column("state", "text", null=False),
        #: Not before.
        Column("at", "datetime", null=False),
        Column("tries", "int", null=False, default=0),
        #: Kind of the last error, never its text.
        Column("error", "text"),
        Column("created_at", "datetime", null=False),
        #: Answered or given up.
        Column("ended_at", "datetime"),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
    ),
    (
        Index(("connector", "state", "at")),
        Index(("connector", "operation", "number")),
        Index(("case_id",)),
        Index(("person",)),
        Index(("ended_at",)),
    ),
)

#: A message that was taken in; under its number it is taken in once. Its words are in the case's row, not here.
CONNECTOR_MESSAGE = Table(
    "tb_connector_message",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("connector", "text", null=False),
        Column("operation", "text", null=False),
        #: The sender's.
        Column("number", "text", null=False),
        #: Keyed hash: the same number with other words is another message.
        Column("input", "text", null=False),
        Column("case_id", "uuid", null=False),
        Column("taken", "bool", null=False),
        Column("at", "datetime", null=False),
    ),
    (Index(("connector", "operation", "number"), unique=True), Index(("case_id",))),
)

#: Requests that were signed and used: none counts twice.
CONNECTOR_NONCE = Table(
    "tb_connector_nonce",
    (Column("id", "text", null=False, primary=True), Column("at", "datetime", null=False)),
    (Index(("at",)),),
)

CONNECTOR_TABLES = (CONNECTOR_CALL, CONNECTOR_MESSAGE, CONNECTOR_NONCE)
