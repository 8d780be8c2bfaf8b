"""The sentence that explains a due date to whoever waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from core.clock.calendar import Calendar, day_of
from core.clock.days import MADE_UP, ROLLING, WORKED, Stretch, rest_of
from core.clock.due import Due
from core.expr.clock import CHINA
from core.manifest.cases import Limit, Unit

#: Units as laws call them.
UNIT_NAMES: dict[Unit, str] = {
    "S": "秒", "MIN": "分钟", "H": "小时", "WH": "工作时", "WD": "个工作日", "D": "日", "MON": "个月", "Y": "年",
}  # fmt: skip
_STOPPED = {"WD": "个工作日", "D": "日", "MON": "日", "Y": "日"}


def explain(
    due: Due, limit: Limit, start: datetime, pauses: Sequence[Stretch] = (), *, event: str = "受理", deed: str = "办结"
) -> str:
    """One Chinese sentence without a full stop: from when, how many, what is left out, until when, by which article.

    Args:
        due: What `due(calendar, start, limit, pauses)` said.
        event: What set the clock off ("受理", "收到投诉").
        deed: What must be done by then ("办结", "答复").
    """
    parts = [
        _begin(start, limit, event),
        _left_out(due),
        _stood_still(due),
        _put_off(due),
        f"应于{_moment(due.at)}前{deed}{f'（{limit.basis}）' if limit.basis else ''}",
        _provisional(due),
    ]
    return "，".join(part for part in parts if part)


def _begin(start: datetime, limit: Limit, event: str) -> str:
    amount = f"{limit.value}{UNIT_NAMES[limit.unit]}"
    if limit.unit == "WD" or limit.unit in ROLLING:
        return f"自{_day(start)}{event}次日起算{amount}"
    return f"自{_moment(start)}{event}时起算{amount}"


def _left_out(due: Due) -> str:
    """Rest days between start and end, by name; and weekends that are worked."""
    if due.unit not in WORKED:
        return ""
    first = day_of(due.start) + (due.unit == "WD")
    names = [rest_of(due.calendar, day) for day in range(first, day_of(due.at) + 1)]
    rests = _counted(name for name in names if name)
    made_up = sum(day.why == MADE_UP and day.is_counted for day in due.days)
    told = [f"扣除{rests}"] if rests else []
    return "，".join([*told, f"计入{MADE_UP}{made_up}天"] if made_up else told)


def _counted(names: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return "、".join(f"{name}{count}天" for name, count in counts.items())


def _stood_still(due: Due) -> str:
    totals: dict[str, int] = {}
    for reason, length in due.paused:
        totals[reason] = totals.get(reason, 0) + length
    return "，".join(
        f"期间{f'因{reason}' if reason else ''}暂停{_length(length, due.unit)}" for reason, length in totals.items()
    )


def _length(units: int, unit: Unit) -> str:
    if unit in _STOPPED:
        return f"{units}{_STOPPED[unit]}"
    minutes = -(-units // 60_000)
    hours, rest = divmod(minutes, 60)
    name = "工作时" if unit == "WH" else "小时"
    return f"{f'{hours}{name}' if hours else ''}{f'{rest}分钟' if rest or not hours else ''}"


def _put_off(due: Due) -> str:
    if due.unit not in ROLLING or due.last == day_of(due.at):
        return ""
    rest = rest_of(due.calendar, due.last)
    why = f"为{rest}，顺延至其后首个工作日" if rest else "顺延"
    return f"期满日{_date(date.fromordinal(due.last))}{why}"


def _provisional(due: Due) -> str:
    return f"该日期为暂定：{why_provisional(due.calendar, due)}" if due.is_provisional else ""


def why_provisional(calendar: Calendar, due: Due) -> str:
    """What is not settled yet."""
    days = range(day_of(due.start), day_of(due.at) + 1)
    years = sorted({date.fromordinal(day).year for day in days} - calendar.official_years)
    if years:
        return f"{'、'.join(map(str, years))}年的放假安排尚未公布，公布后重新计算"
    marks = [calendar.marks[day] for day in days if day in calendar.marks and calendar.marks[day].is_provisional]
    return f"{'、'.join(dict.fromkeys(mark.name for mark in marks))}的放假日期待核实"


def _day(at: datetime) -> str:
    return _date(at.astimezone(CHINA).date())


def _date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _moment(at: datetime) -> str:
    local = at.astimezone(CHINA)
    return f"{_date(local.date())}{local.hour}:{local.minute:02d}"
