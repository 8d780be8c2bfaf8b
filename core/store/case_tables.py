"""Tables of the case engine. What a person filed lies in the entity of his service item; here lies how it goes on."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

CASE = Table(
    "tb_case",
    (
        Column("id", "uuid", null=False, primary=True),
        #: 办件编号, never used again.
        Column("number", "text", null=False),
        Column("plugin_id", "text", null=False),
        #: Full code and version of the service item; the definitions of a running case never change.
        Column("service", "text", null=False),
        Column("service_version", "int", null=False),
        Column("workflow", "text", null=False),
        Column("workflow_version", "int", null=False),
        #: The row that holds what was filed.
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("division", "text", null=False),
        Column("grid", "text"),
        #: Unit that answers for it (core.org_unit), and who of its staff had it last.
        Column("org", "uuid"),
        Column("owner", "uuid"),
        #: core.person or core.legal_entity it is for; `agent` filed it for them; `account` was logged in.
        Column("applicant", "uuid"),
        Column("legal_entity", "uuid"),
        Column("agent", "uuid"),
        Column("account", "text", null=False),
        #: app, web, window, hotline, agent, device, system
        Column("channel", "text", null=False),
        Column("state", "text", null=False),
        #: open, paused, done, refused, withdrawn, merged
        Column("phase", "text", null=False),
        Column("urgency", "int", null=False, default=0),
        #: The bundle it belongs to and its name there; the case a merged report joined; the one a bad rating is about.
        Column("parent", "uuid"),
        Column("child", "text"),
        Column("joined", "uuid"),
        Column("about", "uuid"),
        Column("filed_at", "datetime", null=False),
        #: What the clock counts from; null = it has not begun.
        Column("started_at", "datetime"),
        Column("due_at", "datetime"),
        #: When it turns yellow, orange, red is `due_at`, purple.
        Column("yellow_at", "datetime"),
        Column("orange_at", "datetime"),
        Column("purple_at", "datetime"),
        #: 暂定: beyond the days an official notice covers.
        Column("is_provisional", "bool", null=False, default=False),
        #: [value, unit, calendar, basis] of the limit, extensions included.
        Column("limit", "json"),
        Column("closed_at", "datetime"),
        Column("outcome", "text"),
        Column("version", "int", null=False, default=1),
        Column("updated_at", "datetime", null=False),
    ),
    (
        Index(("number",), unique=True),
        Index(("row_id",)),
        Index(("applicant", "filed_at")),
        Index(("legal_entity", "filed_at")),
        Index(("parent",)),
        Index(("joined",)),
        Index(("about",)),
        Index(("phase", "due_at")),
        Index(("plugin_id", "phase", "division")),
    ),
)

#: Somebody's work. The inbox reads this table alone.
TASK = Table(
    "tb_task",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        Column("number", "text", null=False),
        Column("plugin_id", "text", null=False),
        Column("service", "text", null=False),
        Column("state", "text", null=False),
        #: Part of a state done side by side, or "".
        Column("part", "text", null=False, default=""),
        Column("title", "text", null=False),
        #: Who may do it: a role, or several as "dispatcher|unit_head".
        Column("role", "text", null=False),
        Column("division", "text", null=False),
        #: Only this unit's staff; null = whoever covers division or grid.
        Column("org", "uuid"),
        Column("grid", "text"),
        #: core.staff who has it; null = the pool.
        Column("assignee", "uuid"),
        #: [{staff, org, reason}, …] in order, as dispatch found them.
        Column("candidates", "json"),
        #: open, claimed, done, cancelled
        Column("status", "text", null=False),
        Column("urgency", "int", null=False, default=0),
        Column("opened_at", "datetime", null=False),
        Column("claimed_at", "datetime"),
        Column("done_at", "datetime"),
        #: Action that ended it, or the vote.
        Column("outcome", "text"),
        Column("due_at", "datetime"),
        Column("yellow_at", "datetime"),
        Column("orange_at", "datetime"),
        Column("purple_at", "datetime"),
        Column("is_provisional", "bool", null=False, default=False),
        #: What the inbox is ordered by: `due_at`, or the end of time.
        Column("ranked_at", "datetime", null=False),
        Column("version", "int", null=False, default=1),
    ),
    (
        Index(("case_id", "status")),
        Index(("assignee", "status", "ranked_at")),
        # A village has few tasks of a role, a county many: the one is sorted, the other read in order.
        Index(("role", "status", "division")),
        Index(("role", "status", "ranked_at")),
        Index(("org", "status", "ranked_at")),
        Index(("grid", "status", "ranked_at")),
    ),
)

#: The trail: one row per step, never changed. Words people wrote are sealed.
CASE_STEP = Table(
    "tb_case_step",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        Column("seq", "int", null=False),
        Column("at", "datetime", null=False),
        #: Account, staff and role that did it; "system" for the engine.
        Column("actor", "text", null=False),
        Column("staff", "uuid"),
        Column("org", "uuid"),
        Column("role", "text", null=False),
        Column("action", "text", null=False),
        Column("from_state", "text", null=False),
        Column("to_state", "text", null=False),
        Column("task_id", "uuid"),
        #: Sealed.
        Column("reason", "text"),
        #: Ids of core.file shown as evidence, and codes the step set; nothing personal.
        Column("facts", "json"),
        #: Limit that stood when it was done.
        Column("due_at", "datetime"),
        Column("unit", "text"),
        Column("is_public", "bool", null=False, default=True),
    ),
    (Index(("case_id", "seq"), unique=True), Index(("staff", "at"))),
)

#: Stretches in which a clock stood still.
CASE_PAUSE = Table(
    "tb_case_pause",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        Column("reason", "text", null=False),
        Column("asked_by", "text", null=False),
        Column("approved_by", "text"),
        Column("from_at", "datetime"),
        Column("until_at", "datetime"),
        #: asked, running, ended, refused
        Column("status", "text", null=False),
    ),
    (Index(("case_id", "from_at")),),
)

#: Everybody a case concerns beside its applicant: reporters that joined, co-signers, watchers.
CASE_PARTY = Table(
    "tb_case_party",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        #: applicant, reporter, signer, watcher
        Column("kind", "text", null=False),
        Column("person", "uuid"),
        Column("staff", "uuid"),
        Column("joined_at", "datetime", null=False),
        #: A report of his own that was merged into this one.
        Column("row_id", "uuid"),
    ),
    (Index(("case_id", "kind")), Index(("person", "joined_at")), Index(("staff", "kind"))),
)

#: What is to happen at a moment. Fired = deleted, in the transaction of what it sets off.
TIMER = Table(
    "tb_timer",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("at", "datetime", null=False),
        #: state_due, case_due, escalate, accept, remind, auto_accept, hold …: handlers in core/cases/timers.py
        Column("kind", "text", null=False),
        Column("case_id", "uuid"),
        Column("task_id", "uuid"),
        Column("args", "json", null=False),
        Column("tries", "int", null=False, default=0),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
        #: Set when it failed too often: it waits for a person, and delays nobody.
        Column("poisoned", "text"),
    ),
    (Index(("at",)), Index(("case_id",)), Index(("task_id",))),
)

#: 督办: a ticket on a case that is late or badly done.
SUPERVISION = Table(
    "tb_supervision",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("case_id", "uuid", null=False),
        Column("cause", "text", null=False),
        Column("opened_by", "text", null=False),
        Column("opened_at", "datetime", null=False),
        Column("due_at", "datetime"),
        #: Sealed.
        Column("answer", "text"),
        Column("answered_by", "uuid"),
        Column("answered_at", "datetime"),
        Column("closed_at", "datetime"),
    ),
    (Index(("case_id",)), Index(("closed_at", "due_at"))),
)

#: Half-filled forms. The values are sealed, whole.
DRAFT = Table(
    "tb_draft",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("account", "text", null=False),
        Column("person", "uuid"),
        Column("service", "text", null=False),
        Column("service_version", "int", null=False),
        Column("values", "text", null=False),
        Column("updated_at", "datetime", null=False),
    ),
    (Index(("account", "service")), Index(("updated_at",))),
)

#: Definitions of workflows and service items as cases began with them: a manifest may move on, a running case does not.
DEFINITION = Table(
    "tb_definition",
    (
        #: "workflow:community.repair@3", "service:community.repair@2"
        Column("id", "text", null=False, primary=True),
        #: The document of the manifest.
        Column("document", "json", null=False),
        Column("hash", "text", null=False),
        Column("first_seen_at", "datetime", null=False),
    ),
)

#: One row per closed or running case as statistics want it (办件库): codes and times, nobody's name.
CASE_RECORD = Table(
    "tb_case_record",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("number", "text", null=False),
        Column("service", "text", null=False),
        Column("task_code", "text"),
        Column("plugin_id", "text", null=False),
        Column("division", "text", null=False),
        Column("org", "uuid"),
        Column("channel", "text", null=False),
        Column("filed_at", "datetime", null=False),
        Column("closed_at", "datetime"),
        Column("outcome", "text"),
        Column("is_on_time", "bool"),
        Column("returns", "int", null=False, default=0),
        Column("paused_s", "int", null=False, default=0),
        Column("stars", "int"),
        #: From filing to the end without what it stood still: of the wall clock, and of duty hours.
        Column("hours", "decimal", 2),
        Column("working_hours", "decimal", 2),
        #: From filing to the first step of somebody on the staff.
        Column("first_reply_hours", "decimal", 2),
    ),
    (
        Index(("plugin_id", "filed_at")),
        Index(("plugin_id", "closed_at")),
        Index(("org", "filed_at")),
        Index(("service", "filed_at")),
    ),
)

CASE_TABLES = (
    CASE, TASK, CASE_STEP, CASE_PAUSE, CASE_PARTY, TIMER, SUPERVISION, DRAFT, DEFINITION, CASE_RECORD,
)  # fmt: skip
