"""Root field of 办件库: cases counted for those who answer for them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, cast

import strawberry

from core.api.case_names import names_of
from core.api.case_views import service_title
from core.api.compose import Roots
from core.cases.statistics import Key, statistics
from core.read.floor import GROUP_MIN


@strawberry.enum(description="按什么分组。")
class CaseStatsKey(Enum):
    SERVICE = strawberry.enum_value("service", description="按事项。")
    UNIT = strawberry.enum_value("org", description="按办理单位。")
    CHANNEL = strawberry.enum_value("channel", description="按从哪里来。")


@strawberry.type(description=f"一组办件的数字；不足 {GROUP_MIN} 件的几组合在一起，分组的各项都为空。")
class CaseStats:
    service: str | None = strawberry.field(description="事项标识。")
    service_title: str | None = strawberry.field(description="事项名称。")
    unit: strawberry.ID | None = strawberry.field(description="单位（core.org_unit）。")
    unit_name: str | None = strawberry.field(description="单位名称。")
    channel: str | None = strawberry.field(description="从哪里来。")
    is_rest: bool = strawberry.field(description="由不足件数的几组合成。")
    filed: int = strawberry.field(description="申请数。")
    closed: int = strawberry.field(description="其中结束的。")
    limited: int = strawberry.field(description="结束的里面有期限的。")
    on_time: int = strawberry.field(description="有期限的里面按期的。")
    on_time_percent: float | None = strawberry.field(description="按期率，百分数，一位小数；没有有期限的为空。")
    returns: int = strawberry.field(description="退回的次数。")


async def _stats(
    info: strawberry.Info,
    by: Annotated[list[CaseStatsKey], strawberry.argument(description="分组；空为合计。")],
    year: Annotated[int, strawberry.argument(description="申请的年份（北京时间）。")],
    month: Annotated[int | None, strawberry.argument(description="申请的月份；不写就是全年。")] = None,
    plugin: Annotated[str, strawberry.argument(description="只算这个应用的；空为不限。")] = "",
    service: Annotated[str, strawberry.argument(description="只算这个事项的；空为不限。")] = "",
) -> list[CaseStats]:
    context: Any = info.context
    keys: list[Key] = [cast(Key, key.value) for key in by]
    counts = await statistics(
        context.host.cases.engine, context.actor, keys, year=year, month=month, plugin=plugin, service=service
    )
    names = await names_of(context, [count.key.get("org") for count in counts])
    shown = []
    for count in counts:
        item, unit = count.key.get("service"), count.key.get("org")
        shown.append(
            CaseStats(
                service=item, service_title=service_title(names.world, item) if item else None,
                unit=strawberry.ID(unit) if unit else None, unit_name=names.unit(unit) or None,
                channel=count.key.get("channel"), is_rest=bool(by) and not count.key, filed=count.filed,
                closed=count.closed, limited=count.limited, on_time=count.on_time,
                on_time_percent=count.on_time_percent, returns=count.returns,
            )
        )  # fmt: skip
    return shown


@strawberry.type
class Query:
    case_stats: list[CaseStats] = strawberry.field(
        resolver=_stats,
        description="办件库统计：自己辖区和单位的办件，按事项、单位、渠道；限工作人员。多的在前。",
    )


def case_stats_roots() -> Roots:
    return Roots(Query)
