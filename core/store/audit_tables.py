"""Who did what to whom: lines numbered in lanes, seals that chain them, and what retention took away."""

from __future__ import annotations

from core.fields.column import Column, Index, Table


def _text(name: str) -> Column:
    """Unknown is "", so that a line has one text to authenticate."""
    return Column(name, "text", null=False, default="")


#: One line. Never a personal value: ids, names of fields, codes. Written once, never changed.
AUDIT = Table(
    "tb_audit",
    (
        Column("lane", "int", null=False),
        #: 1, 2, 3 … without a gap in each lane.
        Column("number", "int", null=False),
        Column("at", "datetime", null=False),
        #: Account, and its kind.
        _text("actor"),
        _text("kind"),
        #: Under a delegation: the person acted for, and the person who acts.
        _text("principal"),
        _text("agent"),
        _text("action"),
        _text("entity"),
        _text("row_id"),
        #: "ok" or the code of the refusal.
        _text("result"),
        #: Names, joined by commas.
        _text("fields"),
        _text("purpose"),
        _text("case"),
        _text("rule"),
        _text("node"),
        _text("session"),
        _text("detail"),
        #: Over all of the above and the line's subjects.
        _text("mac"),
    ),
    (Index(("lane", "number"), unique=True), Index(("at",))),
)

#: Whose data a line concerns.
AUDIT_SUBJECT = Table(
    "tb_audit_subject",
    (
        _text("person"),
        Column("at", "datetime", null=False),
        Column("lane", "int", null=False),
        Column("number", "int", null=False),
    ),
    (Index(("person", "at")), Index(("lane", "number"))),
)

#: The last number of each lane. A lane belongs to one process, and to one transaction at a time.
AUDIT_LANE = Table(
    "tb_audit_lane",
    (
        Column("id", "int", null=False, primary=True),
        Column("number", "int", null=False),
        _text("node"),
        _text("mac"),
    ),
)

#: One link of the chain: lines `first` to `last` of a lane, after everything sealed before.
AUDIT_SEAL = Table(
    "tb_audit_seal",
    (
        #: 1, 2, 3 … over all lanes.
        Column("id", "int", null=False, primary=True),
        Column("lane", "int", null=False),
        Column("first", "int", null=False),
        Column("last", "int", null=False),
        Column("at", "datetime", null=False),
        #: Eight hexadecimal digits of the chain's hash after each line.
        _text("links"),
        #: "<profile>:<hash>" after the last line.
        _text("hash"),
        _text("mac"),
    ),
    (Index(("lane", "last")), Index(("at",))),
)

#: What retention removed: everything up to a seal. The chain is verified from here on.
AUDIT_CHECKPOINT = Table(
    "tb_audit_checkpoint",
    (
        #: The last seal removed.
        Column("id", "int", null=False, primary=True),
        _text("hash"),
        #: Last number removed, by lane.
        Column("lanes", "text", null=False, default=""),
        Column("at", "datetime", null=False),
        _text("mac"),
    ),
)

AUDIT_TABLES = (AUDIT, AUDIT_SUBJECT, AUDIT_LANE, AUDIT_SEAL, AUDIT_CHECKPOINT)
