"""Dates and times. An instant must say its offset; it is stored in UTC with milliseconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.text import COMPARISONS

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
#: Earlier years print differently on different systems, and no record needs them.
FIRST_YEAR = 1000


def utc_now() -> datetime:
    """This instant as a canonical value: UTC, whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def parse_date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise FieldError("date.format", "应为日期，如 2026-11-22")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise FieldError("date.unreal", "没有这一天") from None
    if day.year < FIRST_YEAR:
        raise FieldError("date.range", f"年份应不早于 {FIRST_YEAR} 年")
    return day


def parse_time(value: Any) -> time:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise FieldError("time.format", "应为时刻，如 08:30 或 08:30:00")
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise FieldError("time.unreal", "没有这个时刻") from None


def parse_instant(value: Any) -> datetime:
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise FieldError("datetime.format", "应为带时区的时间，如 2026-11-22T08:30:00+08:00")
    day, clock, fraction, offset = match.groups()
    # Digits beyond the millisecond are cut, not rounded: an instant never moves into the future.
    text = f"{day}T{clock}.{(fraction or '.')[1:4]:0<3}{offset.upper().replace('Z', '+00:00')}"
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FieldError("datetime.unreal", "没有这个时间") from None
    if instant.year < FIRST_YEAR:
        raise FieldError("datetime.range", f"年份应不早于 {FIRST_YEAR} 年")
    return instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Date(Field):
    """A day of the calendar."""

    type: ClassVar[str] = "date"
    operators: ClassVar[tuple[str, ...]] = COMPARISONS
    scalar: ClassVar[str] = "Date"
    widget: ClassVar[str] = "date"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column(self.name, "date", null=not self.required, default=self.default, renamed_from=self.renamed_from),
        )

    def parse(self, value: Any) -> date:
        return parse_date(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTime(Field):
    """An instant."""

    type: ClassVar[str] = "datetime"
    operators: ClassVar[tuple[str, ...]] = COMPARISONS
    scalar: ClassVar[str] = "DateTime"
    widget: ClassVar[str] = "datetime"

    def columns(self) -> tuple[Column, ...]:
        null = not self.required
        return (Column(self.name, "datetime", null=null, default=self.default, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> datetime:
        return parse_instant(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Field):
    """A time of day, to the second, on the county's clock."""

    type: ClassVar[str] = "time"
    operators: ClassVar[tuple[str, ...]] = COMPARISONS
    scalar: ClassVar[str] = "Time"
    widget: ClassVar[str] = "time"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column(self.name, "time", null=not self.required, default=self.default, renamed_from=self.renamed_from),
        )

    def parse(self, value: Any) -> time:
        return parse_time(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}
