"""Root fields of indicators: all at one look, and one as data for a chart."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, cast

import strawberry

from core.api.compose import Roots
from core.indicators import Chart, Glance
from core.indicators.labels import labels
from core.indicators.periods import Period
from core.indicators.reading import Breakdown
from core.indicators.shown import Shown
from core.manifest.indicators import PERSONS_MIN
from core.manifest.indicators import Indicator as Declared
from core.manifest.texts import text

_FROM = Annotated[date | None, strawberry.argument(name="from", description="从哪天所在的周期起；不写就是十二个周期。")]
_TO = Annotated[date | None, strawberry.argument(name="to", description="到哪天所在的周期；不写就到最近的。")]
_DIVISION = Annotated[str, strawberry.argument(description="看哪个区划和以下；空：工作人员为自己的辖区。")]


@strawberry.enum(description="一个数为什么有或没有。")
class IndicatorState(Enum):
    VALUE = strawberry.enum_value("value", description="有数；零也是数。")
    MISSING = strawberry.enum_value("missing", description="没有数据：这个周期没有统计。")
    EMPTY = strawberry.enum_value("empty", description="统计了，没有可以算比例或平均的行。")
    FEW = strawberry.enum_value("few", description=f"关于个人的数，不足 {PERSONS_MIN} 行，不显示。")
    HIDDEN = strawberry.enum_value("hidden", description="显示出来就能推算出不足的那一组，不显示。")


@strawberry.enum(description="与上一个已结束的周期比。")
class IndicatorTrend(Enum):
    BETTER = strawberry.enum_value("better", description="变好。")
    SAME = strawberry.enum_value("same", description="不变。")
    WORSE = strawberry.enum_value("worse", description="变差。")


@strawberry.enum(description="哪边好。")
class IndicatorGood(Enum):
    UP = strawberry.enum_value("up", description="越高越好。")
    DOWN = strawberry.enum_value("down", description="越低越好。")


@strawberry.enum(description="周期。")
class IndicatorCycle(Enum):
    DAY = strawberry.enum_value("day", description="天。")
    WEEK = strawberry.enum_value("week", description="周，从周一起。")
    MONTH = strawberry.enum_value("month", description="月。")
    YEAR = strawberry.enum_value("year", description="年。")


@strawberry.enum(description="一张图分成几条线。")
class IndicatorBreakdown(Enum):
    NONE = strawberry.enum_value("", description="不分，只有一条。")
    DIVISION = strawberry.enum_value("division", description="按下一级区划；公开的按乡镇。")
    GROUP = strawberry.enum_value("group", description="按清单声明的分组（groupBy）；没有声明的没有线。")


@strawberry.type(description="指标的一个周期，北京时间的日期，首尾都算。")
class IndicatorPeriod:
    first: date = strawberry.field(name="from", description="第一天。")
    last: date = strawberry.field(name="to", description="最后一天。")
    is_running: bool = strawberry.field(description="还没有结束，数到现在。")

    @classmethod
    def of(cls, period: Period, running: Period) -> IndicatorPeriod:
        return cls(first=period.first, last=period.last, is_running=period == running)


@strawberry.type(description="一个数。")
class IndicatorPoint:
    value: float | None = strawberry.field(description="数值；占比为百分数。为什么空见 state。")
    state: IndicatorState = strawberry.field(description="有没有数，为什么没有。")
    text: str = strawberry.field(description="显示的文字，不带单位：95.2、0、<10、—。")
    size: int | None = strawberry.field(description="由多少行算出；不显示数的为空。")

    @classmethod
    def of(cls, one: Shown) -> IndicatorPoint:
        words = {"few": f"<{PERSONS_MIN}"}
        return cls(
            value=None if one.value is None else float(one.value), state=IndicatorState(one.state),
            text=words.get(one.state, "—") if one.value is None else str(one.value), size=one.size,
        )  # fmt: skip


@strawberry.type(description="清单声明的一个指标。")
class Indicator:
    id: strawberry.ID = strawberry.field(description="标识，如 grid.on_time。")
    title: str = strawberry.field(description="名称。")
    plugin: str = strawberry.field(description="应用。")
    unit: str = strawberry.field(description="单位。")
    good: IndicatorGood = strawberry.field(description="哪边好。")
    cycle: IndicatorCycle = strawberry.field(description="周期。")
    target: float | None = strawberry.field(description="目标。")
    alarm_at: float | None = strawberry.field(description="报警值，比它差就报警。")
    group_by: str | None = strawberry.field(description="可以按它分组的字段；空为不分组。")
    is_public: bool = strawberry.field(description="不用登录就能看。")

    @classmethod
    def of(cls, found: Declared, context: Any) -> Indicator:
        plugin = context.generation.world.plugins[found.plugin_id]
        return cls(
            id=strawberry.ID(found.key), title=text(plugin, f"indicators.{found.id}.title"), plugin=found.plugin_id,
            unit=found.unit, good=IndicatorGood(found.good), cycle=IndicatorCycle(found.cycle), target=found.target,
            alarm_at=found.alarm_at, group_by=found.group_by or None, is_public=found.is_public,
        )  # fmt: skip


@strawberry.type(description="一个指标在一个辖区的近况。")
class IndicatorGlance:
    indicator: Indicator = strawberry.field(description="哪个指标。")
    division: str | None = strawberry.field(description="哪个区划和以下；空为全部。")
    now: IndicatorPoint = strawberry.field(description="正在进行的周期，数到现在（至多旧一分钟）；公开的没有。")
    before: IndicatorPoint = strawberry.field(description="最近一个已结束的周期。")
    period: IndicatorPeriod = strawberry.field(description="正在进行的周期。")
    trend: IndicatorTrend | None = strawberry.field(description="最近两个已结束的周期相比；有一个没有数的为空。")
    alarm_since: date | None = strawberry.field(description="正在报警的最近一个周期的第一天；没有报警为空。")

    @classmethod
    def of(cls, found: Glance, context: Any) -> IndicatorGlance:
        return cls(
            indicator=Indicator.of(found.indicator, context), division=found.division or None,
            now=IndicatorPoint.of(found.now), before=IndicatorPoint.of(found.last),
            period=IndicatorPeriod.of(found.running, found.running), trend=_trend(found), alarm_since=found.alarm,
        )  # fmt: skip


@strawberry.type(description="图里的一条线。")
class IndicatorLine:
    key: str = strawberry.field(description="区划代码或分组的值；不分的为空文字，没有填的为 -。")
    label: str = strawberry.field(description="名称。")
    points: list[IndicatorPoint] = strawberry.field(description="每个周期一个数，与 periods 一一对应。")


@strawberry.type(description="一个指标画图用的数据。")
class IndicatorChart:
    indicator: Indicator = strawberry.field(description="哪个指标。")
    division: str | None = strawberry.field(description="哪个区划和以下；空为全部。")
    periods: list[IndicatorPeriod] = strawberry.field(description="横轴，从早到晚。")
    lines: list[IndicatorLine] = strawberry.field(description="各条线，大的在前。")

    @classmethod
    async def of(cls, found: Chart, context: Any) -> IndicatorChart:
        keys, world = [line.key for line in found.lines], context.generation.world
        names = await labels(context.host.database, world, found.indicator, found.by, keys)
        shown = Indicator.of(found.indicator, context)
        return cls(
            indicator=shown, division=found.division or None,
            periods=[IndicatorPeriod.of(period, found.running) for period in found.periods],
            lines=[
                IndicatorLine(
                    key=line.key, label=names.get(line.key, line.key) or shown.title,
                    points=[IndicatorPoint.of(point) for point in line.points],
                )
                for line in found.lines
            ],
        )  # fmt: skip


def _trend(found: Glance) -> IndicatorTrend | None:
    last, before = found.last.value, found.before.value
    if last is None or before is None:
        return None
    if last == before:
        return IndicatorTrend.SAME
    return IndicatorTrend.WORSE if found.indicator.is_worse(float(last), float(before)) else IndicatorTrend.BETTER


async def _indicators(
    info: strawberry.Info, plugin: Annotated[str, strawberry.argument(description="只看这个应用的；空为不限。")] = "",
    division: _DIVISION = "",
) -> list[IndicatorGlance]:  # fmt: skip
    context: Any = info.context
    found = await context.host.indicators.glances(context.generation, context.actor, plugin, division)
    return [IndicatorGlance.of(one, context) for one in found]


async def _indicator(
    info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="标识，如 grid.on_time。")],
    first: _FROM = None, last: _TO = None, division: _DIVISION = "",
    group_by: Annotated[IndicatorBreakdown, strawberry.argument(description="分成几条线。")] = IndicatorBreakdown.NONE,
) -> IndicatorChart:  # fmt: skip
    context: Any = info.context
    by = cast(Breakdown, group_by.value)
    found = await context.host.indicators.chart(context.generation, context.actor, id, division, by, first, last)
    return await IndicatorChart.of(found, context)


@strawberry.type
class Query:
    indicators: list[IndicatorGlance] = strawberry.field(
        resolver=_indicators, description="看得到的指标和近况：工作人员按角色看自己的辖区和以下，其他人看公开的。"
    )
    indicator: IndicatorChart = strawberry.field(
        resolver=_indicator, description="一个指标的各个周期，画图用。看不到的与没有的一样：NOT_FOUND。"
    )


def indicator_roots() -> Roots:
    return Roots(Query)
