"""Tables of indicators: sums by place and group, nobody's name. A value is made of them when it is shown."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: A period that was counted. Without its row there is no number, not even zero.
INDICATOR_PERIOD = Table(
    "tb_indicator_period",
    (
        #: "grid.on_time@2026-11-01"
        Column("id", "text", null=False, primary=True),
        Column("indicator", "text", null=False),
        #: First day of the period.
        Column("starts_on", "date", null=False),
        #: Hash of the definition it was counted by (core.manifest.indicators).
        Column("definition", "text", null=False),
        #: When counting began; a later count replaces an earlier one.
        Column("counted_at", "datetime", null=False),
    ),
    (Index(("indicator", "starts_on")),),
)

#: What was counted in a period in a division and all below it. No row = zero.
INDICATOR = Table(
    "tb_indicator",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("indicator", "text", null=False),
        Column("starts_on", "date", null=False),
        #: "" = everywhere; `level` counts the digits that name it.
        Column("division", "text", null=False),
        Column("level", "int", null=False),
        #: "" = all groups together.
        Column("group_key", "text", null=False),
        #: Sums in units of the last digit of what is summed.
        Column("numerator", "int", null=False),
        #: Rows that had something to count.
        Column("denominator", "int", null=False),
    ),
    (Index(("indicator", "starts_on", "division", "group_key"), unique=True),),
)

#: A finished period worse than the indicator's alarm. It stands until a finished period is better.
INDICATOR_ALARM = Table(
    "tb_indicator_alarm",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("indicator", "text", null=False),
        Column("starts_on", "date", null=False),
        Column("division", "text", null=False),
        Column("raised_at", "datetime", null=False),
        Column("cleared_at", "datetime"),
    ),
    (Index(("indicator", "division", "starts_on"), unique=True),),
)

INDICATOR_TABLES = (INDICATOR_PERIOD, INDICATOR, INDICATOR_ALARM)
