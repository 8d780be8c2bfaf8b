"""Tables of the clock: days that are not what their weekday says, duty hours, and how often they changed."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: One row per day and division; 000000000000 is the whole country. The narrower division wins.
CALENDAR_DAY = Table(
    "tb_calendar_day",
    (
        #: "<division> <day>"
        Column("id", "text", null=False, primary=True),
        Column("division", "text", null=False),
        #: Of the notice: one for 2027 may also move the last days of 2026.
        Column("year", "int", null=False),
        Column("day", "date", null=False),
        #: rest, work
        Column("kind", "text", null=False),
        Column("name", "text", null=False),
        Column("source", "text", null=False),
        #: Computed or unverified: no official notice says so (yet).
        Column("is_provisional", "bool", null=False),
        #: Shipped with the host; what an administrator set is never overwritten.
        Column("is_shipped", "bool", null=False),
    ),
    (Index(("division", "year")),),
)

#: Duty hours of a division from a date on.
DUTY_HOURS = Table(
    "tb_duty_hours",
    (
        #: "<division> <since>"
        Column("id", "text", null=False, primary=True),
        Column("division", "text", null=False),
        Column("since", "date", null=False),
        #: [{"starts": "05-01", "title": "夏季", "hours": [["08:30", "12:00"], ["14:30", "18:30"]]}, …]
        Column("seasons", "json", null=False),
        Column("source", "text", null=False),
        Column("is_shipped", "bool", null=False),
    ),
    (Index(("division", "since")),),
)

#: One row: what every node compares with what it has read.
CALENDAR_STATE = Table(
    "tb_calendar_state",
    (
        #: "CN"
        Column("id", "text", null=False, primary=True),
        #: One more with every change of days or hours.
        Column("version", "int", null=False),
        #: The version by which the due dates of running cases were last computed.
        Column("moved", "int", null=False),
        #: Hash of the rows that were shipped last.
        Column("shipped", "text", null=False),
        Column("changed_at", "datetime", null=False),
    ),
)

CALENDAR_TABLES = (CALENDAR_DAY, DUTY_HOURS, CALENDAR_STATE)
