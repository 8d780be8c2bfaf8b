"""办件库 counted: how many cases, how many in time, by service item, unit and channel. Groups of one case are people,
so small ones are told together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, PermissionDeniedError

from core.access import me_of
from core.cases.live import Engine
from core.expr.clock import CHINA
from core.read.floor import GROUP_MIN
from core.store.case_tables import CASE_RECORD
from core.store.statement import statement

Key = Literal["service", "org", "channel"]
_NUMBERS = ("filed", "closed", "limited", "on_time", "returns")
_SUMS = (
    "count(*), count(closed_at), count(is_on_time), coalesce(sum(CASE WHEN is_on_time THEN 1 ELSE 0 END), 0), "
    "coalesce(sum(returns), 0)"
)


@dataclass(frozen=True, slots=True)
class Count:
    """Of one group; `key` {} = all that was too small to be told by itself."""

    key: Mapping[Key, str | None]
    filed: int
    closed: int
    #: Closed ones that had a limit, and those of them that kept it.
    limited: int
    on_time: int
    returns: int

    @property
    def on_time_percent(self) -> float | None:
        """To one decimal; None when none had a limit."""
        return round(100 * self.on_time / self.limited, 1) if self.limited else None


async def statistics(
    engine: Engine, actor: Actor, by: Sequence[Key], *, year: int, month: int | None = None, plugin: str = "",
    service: str = "",
) -> list[Count]:  # fmt: skip
    """Cases filed in a year or month where the caller works: his division, his grids' village, his unit."""
    values: dict[str, Any] = {"plugin": plugin, "service": service, "smallest": GROUP_MIN}
    begin, end = _span(year, month)
    where = ["filed_at >= {begin:filed_at}", "filed_at < {end:filed_at}", _place(actor, values)]
    where += ["plugin_id = {plugin:plugin_id}"] if plugin else []
    where += ["service = {service}"] if service else []
    keys = list(dict.fromkeys(by))
    columns, groups = ", ".join([*keys, _SUMS]), f" GROUP BY {', '.join(keys)}" if keys else ""
    text = f"SELECT {columns} FROM tb_case_record WHERE {' AND '.join(where)}{groups}"
    dialect = engine.database.dialect
    rows = await engine.database.fetch(*statement(dialect, CASE_RECORD, text, begin=begin, end=end, **values))
    found = []
    for row in rows:
        loaded = {key: dialect.load(CASE_RECORD.by_name[key], raw) for key, raw in zip(keys, row, strict=False)}
        numbers = dict(zip(_NUMBERS, (int(raw) for raw in row[len(keys) :]), strict=True))
        found.append(Count(cast(Mapping[Key, str | None], loaded), **numbers))
    return told_of(found)


def told_of(counts: Sequence[Count]) -> list[Count]:
    """The large ones, the largest first; the small ones together, with as many more as make them a crowd."""
    ordered = sorted(counts, key=lambda count: (-count.filed, [str(value) for value in count.key.values()]))
    large = [count for count in ordered if count.filed >= GROUP_MIN]
    small = ordered[len(large) :]
    # The total is told elsewhere: one group alone left out could be worked out from it.
    while large and small and (len(small) == 1 or sum(count.filed for count in small) < GROUP_MIN):
        small.insert(0, large.pop())
    if sum(count.filed for count in small) < GROUP_MIN:
        return large
    rest = {name: sum(getattr(count, name) for count in small) for name in _NUMBERS}
    return [*large, Count({}, **rest)]


def _place(actor: Actor, values: dict[str, Any]) -> str:
    me, parts = me_of(actor), []
    if actor.staff is None:
        raise PermissionDeniedError("办件统计只对工作人员开放")
    if me["division_first"] is not None:
        values |= {"low": me["division_first"], "high": me["division_last"]}
        parts.append("division BETWEEN {low:division} AND {high:division}")
    if actor.org is not None:
        values["unit"] = actor.org
        parts.append("org = {unit:org}")
    if not parts:
        raise PermissionDeniedError("没有辖区和单位，不能看办件统计", hint="请人事管理员登记任职")
    return f"({' OR '.join(parts)})"


def _span(year: int, month: int | None) -> tuple[datetime, datetime]:
    if not 2000 <= year <= 2100:
        raise _refused("year", "应为 2000 到 2100 年")
    if month is not None and not 1 <= month <= 12:
        raise _refused("month", "应为 1 到 12 月")
    first, last = (month, month) if month else (1, 12)
    begin = datetime(year, first, 1, tzinfo=CHINA)
    return begin, datetime(year + last // 12, last % 12 + 1, 1, tzinfo=CHINA)


def _refused(name: str, message: str) -> InvalidInputError:
    return InvalidInputError("填写的内容有误", [InputProblem((name,), message, "statistics.span")])
