"""Root fields of the clock: working days, duty hours, a calculator of due dates, and the administrator's notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, cast

import strawberry
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.api.compose import Roots
from core.api.console import OPERATORS
from core.clock import Calendar, due, explain
from core.clock.calendar import FIRST, LAST, DutyTable
from core.clock.clock import Effect
from core.clock.days import rest_of
from core.clock.notices import HoursNotice, NoticeDay, YearNotice
from core.clock.rows import COUNTRY, clock_of
from core.fields.times import utc_now
from core.identity.required import require_role
from core.manifest.cases import Limit, Unit

#: Days one answer holds, and days a calculation may reach.
SHOWN_DAYS_MAX, REACH_DAYS_MAX = 400, 1100
#: Moves listed; all are counted.
MOVES_MAX = 100
_REFUSAL = "只有系统管理员可以调整日历"


@strawberry.enum(description="期限的单位。")
class TimeUnit(Enum):
    S = strawberry.enum_value("S", description="秒。")
    MIN = strawberry.enum_value("MIN", description="分钟。")
    H = strawberry.enum_value("H", description="小时，昼夜连续。")
    WH = strawberry.enum_value("WH", description="工作时：只计工作日的办公时间。")
    WD = strawberry.enum_value("WD", description="工作日，含调休上班的周末。")
    D = strawberry.enum_value("D", description="自然日；最后一日为休息日的顺延。")
    MON = strawberry.enum_value("MON", description="月；最后一日为休息日的顺延。")
    Y = strawberry.enum_value("Y", description="年；最后一日为休息日的顺延。")


@strawberry.enum(description="一天的安排。")
class CalendarDayKind(Enum):
    REST = strawberry.enum_value("rest", description="放假。")
    WORK = strawberry.enum_value("work", description="周末上班（调休）。")


@strawberry.type(description="一段办公时间，如 08:30 到 12:00。")
class DutySpan:
    opens: str = strawberry.field(description="开始。")
    closes: str = strawberry.field(description="结束。")


@strawberry.type(description="日历中的一天。")
class CalendarDay:
    day: date = strawberry.field(description="日期（北京时间）。")
    is_working: bool = strawberry.field(description="是否工作日。")
    name: str = strawberry.field(description="节日、调休上班或周末；普通工作日为空。")
    source: str = strawberry.field(description="依据；由星期决定的为空，unverified 为待核实。")
    is_provisional: bool = strawberry.field(description="暂定：还没有正式通知。")
    hours: list[DutySpan] = strawberry.field(description="办公时间；休息日为空。")


@strawberry.type(description="一季的办公时间。")
class DutySeason:
    starts: str = strawberry.field(description="每年从哪一天起，如 05-01。")
    title: str = strawberry.field(description="名称，如夏季。")
    hours: list[DutySpan] = strawberry.field(description="办公时间。")


@strawberry.type(description="一份作息安排，到下一份为止。")
class DutyHours:
    since: date = strawberry.field(description="从这一天起。")
    seasons: list[DutySeason] = strawberry.field(description="各季；最后一季延续到次年第一季之前。")
    source: str = strawberry.field(description="依据；unverified 为待核实。")


@strawberry.type(description="从起算到期满的一天。")
class DueDay:
    day: date = strawberry.field(description="日期。")
    is_counted: bool = strawberry.field(description="是否计入期限。")
    why: str = strawberry.field(description="原因，如周末、国庆节、调休上班；普通日子为空。")


@strawberry.type(description="期限何时届满，以及怎么算出来的。")
class DueExplanation:
    due: datetime = strawberry.field(description="届满的时刻（UTC）；以日计的为当日下班时间。")
    is_provisional: bool = strawberry.field(description="暂定：放假安排公布后可能改变。")
    sentence: str = strawberry.field(description="说明。")
    days: list[DueDay] = strawberry.field(description="逐日说明。")


@strawberry.type(description="一件办件的期限变动。")
class CaseMove:
    number: str = strawberry.field(description="办件编号。")
    division: str = strawberry.field(description="区划。")
    was: datetime = strawberry.field(description="原来的期限（UTC）。")
    at: datetime = strawberry.field(description="新的期限（UTC）。")
    is_provisional: bool = strawberry.field(description="新的期限是否暂定。")


@strawberry.type(description="调整日历的影响。")
class CalendarEffect:
    version: int = strawberry.field(description="日历的版本；提交时填预览得到的版本。")
    count: int = strawberry.field(description="期限变动的办件数。")
    moves: list[CaseMove] = strawberry.field(description=f"变动的办件，最多列 {MOVES_MAX} 件。")


@strawberry.input(description="通知中的一天。")
class CalendarDayInput:
    day: date = strawberry.field(description="日期。")
    kind: CalendarDayKind = strawberry.field(description="放假还是上班。")
    name: str = strawberry.field(default="", description="节日名称。")


@strawberry.input(description="一年的放假安排：整年替换；不列日子就恢复随系统提供的安排。")
class CalendarNoticeInput:
    division: str = strawberry.field(description="12 位区划代码，只对它和下级有效；全国为 000000000000。")
    year: int = strawberry.field(description="年份；可以包含上一年 12 月的日子。")
    days: list[CalendarDayInput] = strawberry.field(description="所有放假的日子（含连休的周末）和上班的周末。")
    source: str = strawberry.field(description="依据的文件：文号和名称。")


@strawberry.input(description="一段办公时间。")
class DutySpanInput:
    opens: str = strawberry.field(description="开始，如 08:30。")
    closes: str = strawberry.field(description="结束，如 12:00。")


@strawberry.input(description="一季的办公时间。")
class DutySeasonInput:
    starts: str = strawberry.field(description="每年从哪一天起，如 05-01。")
    title: str = strawberry.field(description="名称，如夏季。")
    hours: list[DutySpanInput] = strawberry.field(description="办公时间，从早到晚。")


@strawberry.input(description="作息安排；不列各季就取消从这一天起的安排，或恢复随系统提供的安排。")
class DutyHoursInput:
    division: str = strawberry.field(description="12 位区划代码，只对它和下级有效；全国为 000000000000。")
    since: date = strawberry.field(description="从这一天起，到下一份为止。")
    seasons: list[DutySeasonInput] = strawberry.field(description="各季；只有一季就是全年。")
    source: str = strawberry.field(description="依据的文件：文号和名称。")


async def _calendar(
    info: strawberry.Info,
    since: Annotated[date, strawberry.argument(name="from", description="从这一天起。")],
    to: Annotated[date, strawberry.argument(description=f"到这一天为止；最多 {SHOWN_DAYS_MAX} 天。")],
    division: Annotated[str, strawberry.argument(description="12 位区划代码；空为全国。")] = "",
) -> list[CalendarDay]:
    if not FIRST <= since <= to <= LAST or (to - since).days >= SHOWN_DAYS_MAX:
        message = f"from 不晚于 to，在 {FIRST.year}–{LAST.year} 年之间，一次最多 {SHOWN_DAYS_MAX} 天"
        raise _refused("to", message, "calendar.range")
    calendar = await info.context.host.clock.calendars.of(division)
    return [_day(calendar, since + timedelta(days=n)) for n in range((to - since).days + 1)]


async def _duty_hours(
    info: strawberry.Info, division: Annotated[str, strawberry.argument(description="12 位区划代码；空为全国。")] = ""
) -> list[DutyHours]:
    calendar = await info.context.host.clock.calendars.of(division)
    return [_hours(table) for table in calendar.tables]


async def _explain_due(
    info: strawberry.Info,
    value: Annotated[int, strawberry.argument(description="数量，如 20。")],
    unit: Annotated[TimeUnit, strawberry.argument(description="单位。")],
    start: Annotated[datetime | None, strawberry.argument(description="起算的时刻；不写就是现在。")] = None,
    division: Annotated[str, strawberry.argument(description="12 位区划代码；空为全国。")] = "",
) -> DueExplanation:
    begin, limit = start or utc_now(), Limit(value, cast(Unit, unit.value))
    if value < 1:
        raise _refused("value", "应为正整数", "calendar.value")
    result = due(await info.context.host.clock.calendars.of(division), begin, limit)
    if (result.at - begin).days > REACH_DAYS_MAX:
        raise _refused("value", f"最多推算 {REACH_DAYS_MAX} 天", "calendar.reach")
    days = [DueDay(day=day.day, is_counted=day.is_counted, why=day.why) for day in result.days]
    sentence = explain(result, limit, begin, event="", deed="届满")
    return DueExplanation(due=result.at, is_provisional=result.is_provisional, sentence=sentence, days=days)


async def _preview_calendar(info: strawberry.Info, input: CalendarNoticeInput) -> CalendarEffect:
    require_role(info.context.actor, OPERATORS, _REFUSAL)
    return _effect(await info.context.host.clock.preview(_year_notice(input)))


async def _preview_duty_hours(info: strawberry.Info, input: DutyHoursInput) -> CalendarEffect:
    require_role(info.context.actor, OPERATORS, _REFUSAL)
    return _effect(await info.context.host.clock.preview(_hours_notice(input)))


async def _set_calendar(info: strawberry.Info, input: CalendarNoticeInput, version: int) -> int:
    require_role(info.context.actor, OPERATORS, _REFUSAL)
    return int(await info.context.host.clock.apply(info.context.actor, _year_notice(input), version))


async def _set_duty_hours(info: strawberry.Info, input: DutyHoursInput, version: int) -> int:
    require_role(info.context.actor, OPERATORS, _REFUSAL)
    return int(await info.context.host.clock.apply(info.context.actor, _hours_notice(input), version))


@strawberry.type
class Query:
    calendar: list[CalendarDay] = strawberry.field(
        resolver=_calendar, description="一段日子的工作日、节假日和办公时间。"
    )
    duty_hours: list[DutyHours] = strawberry.field(
        resolver=_duty_hours, description="一个区划适用的作息安排，按生效日期。"
    )
    explain_due: DueExplanation = strawberry.field(
        resolver=_explain_due, description="期限计算：从起算时刻和期限算出届满时刻，并说明怎么算的。"
    )
    preview_calendar: CalendarEffect = strawberry.field(
        resolver=_preview_calendar,
        description="预览一年的放假安排会改变哪些在办件的期限；不改动任何数据。限系统管理员。",
    )
    preview_duty_hours: CalendarEffect = strawberry.field(
        resolver=_preview_duty_hours, description="预览作息安排会改变哪些在办件的期限；不改动任何数据。限系统管理员。"
    )


@strawberry.type
class Mutation:
    set_calendar: int = strawberry.mutation(
        resolver=_set_calendar,
        description="载入一年的放假安排，返回日历的新版本；version 取自预览。在办件的期限随后重新计算。限系统管理员。",
    )
    set_duty_hours: int = strawberry.mutation(
        resolver=_set_duty_hours,
        description="载入作息安排，返回日历的新版本；version 取自预览。在办件的期限随后重新计算。限系统管理员。",
    )


def calendar_roots() -> Roots:
    return Roots(Query, Mutation)


def _refused(name: str, message: str, id: str) -> InvalidInputError:
    return InvalidInputError("填写的内容有误", [InputProblem((name,), message, id)])


def _day(calendar: Calendar, day: date) -> CalendarDay:
    ordinal = day.toordinal()
    mark, is_working = calendar.marks.get(ordinal), calendar.is_working(ordinal)
    return CalendarDay(
        day=day, is_working=is_working, name=mark.name if mark else rest_of(calendar, ordinal),
        source=mark.source if mark else "", is_provisional=calendar.is_provisional(ordinal, ordinal),
        hours=_spans(calendar.hours(ordinal)) if is_working else [],
    )  # fmt: skip


def _hours(table: DutyTable) -> DutyHours:
    seasons = [
        DutySeason(starts=f"{season.month:02d}-{season.day:02d}", title=season.title, hours=_spans(season.hours))
        for season in table.seasons
    ]
    return DutyHours(since=table.since, seasons=seasons, source=table.source)


def _spans(hours: Sequence[tuple[int, int]]) -> list[DutySpan]:
    return [DutySpan(opens=clock_of(begin), closes=clock_of(end)) for begin, end in hours]


def _effect(effect: Effect) -> CalendarEffect:
    moves = [
        CaseMove(
            number=move.case.number, division=move.case.division, was=move.case.due_at, at=move.at,
            is_provisional=move.is_provisional,
        )
        for move in effect.moves[:MOVES_MAX]
    ]  # fmt: skip
    return CalendarEffect(version=effect.version, count=len(effect.moves), moves=moves)


def _year_notice(given: CalendarNoticeInput) -> YearNotice:
    days = [NoticeDay(day.day, str(day.kind.value), day.name) for day in given.days]
    return YearNotice(given.division or COUNTRY, given.year, days, given.source)


def _hours_notice(given: DutyHoursInput) -> HoursNotice:
    seasons = [
        {"starts": s.starts, "title": s.title, "hours": [[span.opens, span.closes] for span in s.hours]}
        for s in given.seasons
    ]
    return HoursNotice(given.division or COUNTRY, given.since, seasons, given.source)
