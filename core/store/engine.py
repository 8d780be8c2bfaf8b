"""The engine's own tables. One plain list: the DDL engine makes them, `Database.model` reads them."""

from __future__ import annotations

from core.fields.column import Column, Index, Table
from core.store.account_tables import ACCOUNT_TABLES
from core.store.audit_tables import AUDIT_TABLES
from core.store.booking_tables import BOOKING_TABLES
from core.store.calendar_tables import CALENDAR_TABLES
from core.store.case_tables import CASE_TABLES
from core.store.connector_tables import CONNECTOR_TABLES
from core.store.crypto_tables import CRYPTO_TABLES
from core.store.document_tables import DOCUMENT_TABLES
from core.store.indicator_tables import INDICATOR_TABLES
from core.store.message_tables import MESSAGE_TABLES
from core.store.payment_tables import PAYMENT_TABLES
from core.store.privacy_tables import PRIVACY_TABLES
from core.store.rating_tables import RATING_TABLES
from core.store.runtime_tables import RUNTIME_TABLES
from core.store.session_tables import SESSION_TABLES

#: Who changed what, when and why. Before and after hold changed columns only.
HISTORY = Table(
    "tb_history",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("version", "int", null=False),
        Column("action", "text", null=False),
        Column("actor", "text", null=False),
        #: The person acted for under a delegation.
        Column("principal", "text"),
        Column("at", "datetime", null=False),
        Column("why", "text", null=False),
        Column("before", "json"),
        Column("after", "json"),
    ),
    (Index(("row_id", "version")),),
)

#: Events to tell others, ids only. The row is written with the change, and removed when it has been handed on.
OUTBOX = Table(
    "tb_outbox",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("topic", "text", null=False),
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("version", "int", null=False),
        Column("at", "datetime", null=False),
    ),
)

#: Events handed on lately, kept for minutes: listeners of every process read them here.
RECENT = Table(
    "tb_recent",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("topic", "text", null=False),
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("version", "int", null=False),
        Column("handed_at", "datetime", null=False),
    ),
    (Index(("handed_at",)),),
)

#: One row per (actor, key): what was asked, and which row came of it.
IDEMPOTENCY = Table(
    "tb_idempotency",
    (
        #: Hash of actor and key.
        Column("id", "text", null=False, primary=True),
        Column("input", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("at", "datetime", null=False),
    ),
    (Index(("at",)),),
)

#: Counters of sequence fields.
SEQUENCE = Table("tb_sequence", (Column("id", "text", null=False, primary=True), Column("value", "int", null=False)))

#: Columns no field declares any longer: kept with their data, and since when.
SCHEMA = Table(
    "tb_schema",
    (
        #: "table.column"
        Column("id", "text", null=False, primary=True),
        Column("quarantined_at", "datetime", null=False),
    ),
)

ENGINE_TABLES = (
    SCHEMA,
    HISTORY,
    OUTBOX,
    RECENT,
    IDEMPOTENCY,
    SEQUENCE,
    *RUNTIME_TABLES,
    *CRYPTO_TABLES,
    *PRIVACY_TABLES,
    *ACCOUNT_TABLES,
    *SESSION_TABLES,
    *AUDIT_TABLES,
    *CASE_TABLES,
    *MESSAGE_TABLES,
    *DOCUMENT_TABLES,
    *CALENDAR_TABLES,
    *RATING_TABLES,
    *BOOKING_TABLES,
    *CONNECTOR_TABLES,
    *PAYMENT_TABLES,
    *INDICATOR_TABLES,
)
