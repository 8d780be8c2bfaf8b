"""Tables of the running host: what is switched on, which nodes live, what is still to be done."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: What operators chose. `division` "" = everywhere; no row = on.
PLUGIN = Table(
    "tb_plugin",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("plugin_id", "text", null=False),
        Column("division", "text", null=False, default=""),
        Column("state", "text", null=False),
        Column("changed_by", "text"),
        Column("changed_at", "datetime"),
    ),
    (Index(("plugin_id", "division"), unique=True),),
)

#: Row 1: the number every node follows. Row 2: a random number that tells this installation from others.
GENERATION = Table(
    "tb_generation", (Column("id", "int", null=False, primary=True), Column("number", "int", null=False, default=0))
)

NODE = Table(
    "tb_node",
    (
        Column("id", "text", null=False, primary=True),
        Column("generation", "int", null=False),
        Column("manifest_hash", "text", null=False),
        Column("schema_hash", "text", null=False),
        Column("seen_at", "datetime", null=False),
        #: Breakers live in processes; this is how others, commands too, learn of open ones: plugin id → reason.
        Column("quarantined", "json"),
    ),
)

#: Work to be done: made from outbox events, clocks and requests of plugins. Done = deleted.
JOB = Table(
    "tb_job",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("plugin_id", "text", null=False),
        #: Name of a job of the manifest, or ":hook".
        Column("name", "text", null=False),
        Column("args", "json", null=False),
        Column("run_at", "datetime", null=False),
        Column("tries", "int", null=False, default=0),
        #: Who has it: a token made at each claim, so that a late second delivery finds nothing to do.
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
        Column("started", "bool", null=False, default=False),
        #: While a job with this key waits, another request is dropped.
        Column("dedupe", "text"),
        Column("error", "text"),
        Column("created_at", "datetime", null=False),
    ),
    (Index(("plugin_id", "run_at")), Index(("dedupe",), unique=True)),
)

DEAD_LETTER = Table(
    "tb_dead_letter",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("plugin_id", "text", null=False),
        Column("name", "text", null=False),
        Column("args", "json", null=False),
        Column("tries", "int", null=False),
        Column("error", "text", null=False),
        Column("died_at", "datetime", null=False),
    ),
    (Index(("died_at",)),),
)

#: When each clock last struck, over all nodes.
CRON = Table(
    "tb_cron",
    (Column("id", "text", null=False, primary=True), Column("fired_at", "datetime", null=False)),
)

RUNTIME_TABLES = (PLUGIN, GENERATION, NODE, JOB, DEAD_LETTER, CRON)
