"""好差评: one row per case that was offered for rating. A row without stars after `closes_at` was not rated."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

RATING = Table(
    "tb_rating",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        Column("number", "text", null=False),
        Column("plugin_id", "text", null=False),
        Column("service", "text", null=False),
        Column("channel", "text", null=False),
        Column("division", "text", null=False),
        #: The rated unit (core.org_unit), and the role its people did the case in.
        Column("org", "uuid"),
        Column("role", "text"),
        Column("offered_at", "datetime", null=False),
        Column("closes_at", "datetime", null=False),
        #: 5 非常满意 … 1 非常不满意; null = not rated.
        Column("stars", "int"),
        Column("tags", "json"),
        #: Sealed.
        Column("comment", "text"),
        #: Account that rated; told to nobody.
        Column("rated_by", "text"),
        Column("rated_at", "datetime"),
        #: Sealed; once.
        Column("follow_up", "text"),
        Column("followed_at", "datetime"),
        #: Found to be malicious by staff of another unit; the reason is sealed. Not counted.
        Column("malicious_by", "uuid"),
        Column("malicious_reason", "text"),
        Column("malicious_at", "datetime"),
        #: The rectification it opened (tb_case).
        Column("rectification", "uuid"),
    ),
    (Index(("case_id",), unique=True), Index(("rated_at",)), Index(("closes_at",))),
)

RATING_TABLES = (RATING,)
