"""Tables of the privacy room: who agreed to what, and where data about people lies."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: Append-only. The newest row of a person and a purpose says how it stands.
CONSENT = Table(
    "tb_consent",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("person", "uuid", null=False),
        #: "<plugin>.<purpose>"
        Column("purpose", "text", null=False),
        #: "grant" or "withdraw"
        Column("action", "text", null=False),
        #: Hash of the words shown and the fields covered.
        Column("text_version", "text", null=False),
        #: ["<entity>.<field>", …] as covered at that moment.
        Column("fields", "json", null=False),
        #: Account that did it.
        Column("actor", "text", null=False),
        #: core.person who agreed for a child.
        Column("guardian", "uuid"),
        #: core.file of the signed paper, when done at a counter.
        Column("proof", "uuid"),
        Column("at", "datetime", null=False),
        Column("mac", "text", null=False),
    ),
    (Index(("person", "purpose", "at")),),
)

#: One row per entity with a subject, ever: what its table holds, in the words of its manifest. Never deleted, so that
#: a person's data is found when the plugin that brought it is long gone.
DATA_CATALOGUE = Table(
    "tb_data_catalogue",
    (
        #: "community.repair_order"
        Column("id", "text", null=False, primary=True),
        Column("plugin_id", "text", null=False),
        #: Hash of `document`.
        Column("hash", "text", null=False),
        #: See core/privacy/catalogue.py.
        Column("document", "json", null=False),
        Column("changed_at", "datetime", null=False),
    ),
    (Index(("plugin_id",)),),
)

PRIVACY_TABLES = (CONSENT, DATA_CATALOGUE)
