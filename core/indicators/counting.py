"""Counting: one statement per indicator and period, by the expressions of the manifest; then sums for every place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.access import EntityScope
from core.expr.clock import china_day
from core.expr.subtree import LEVEL_DIGITS, level_digits
from core.expr.types import INT
from core.fields import all_fields
from core.fields.column import Column
from core.fields.names import type_of
from core.indicators.periods import Period
from core.manifest.case_record import CASE_RECORD, CASES, RUNNING_NAMES
from core.manifest.indicators import Indicator
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.dialect import literal, quote
from core.store.sql import Arg, Const, Env, Params

#: The row in the statement, and the case beside its record.
_ROW, _CASE = "r", "c"
#: A group without a value.
NONE = "-"
_MOMENT = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sum:
    """Sums of some rows, which may be added to others. `numerator` is in units of the last digit."""

    numerator: int = 0
    denominator: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.numerator + other.numerator, self.denominator + other.denominator)


#: Is an application switched on in a division?
IsOn = Callable[[str, str], bool]
#: (division, group); "" stands for everywhere and for all groups.
Sums = Mapping[tuple[str, str], Sum]


class _CaseScope(EntityScope):
    """A record of a case: what changes while it runs lies beside it."""

    def name(self, column: str) -> str:
        return f"{_CASE}.{quote(column)}" if column in RUNNING_NAMES else super().name(column)


@dataclass(frozen=True, slots=True)
class _Count:
    world: World
    indicator: Indicator
    scope: EntityScope

    @classmethod
    def of(cls, database: Database, world: World, indicator: Indicator, entity: Entity) -> _Count:
        scope = _CaseScope if entity is CASE_RECORD else EntityScope
        return cls(world, indicator, scope(world, entity, _ROW, Params(database.dialect)))

    def sql(self) -> str:
        numerator, denominator = self._sums()
        group = f", {self._group()} AS g" if self.indicator.group_by else ""
        return (
            f"SELECT {self._plugin()} AS p, {self.scope.name('division')} AS d{group}, {numerator}, {denominator} "
            f"FROM {self._source()} WHERE {' AND '.join(self._conditions())} GROUP BY 1, 2{', 3' if group else ''}"
        )

    def first_sql(self) -> str:
        return f"SELECT min({self._time()[0]}) FROM {self._source()} WHERE {self._whose()}"

    def _source(self) -> str:
        source = f"{quote(self.scope.entity.table)} {_ROW}"
        return f"{source} JOIN tb_case {_CASE} ON {_CASE}.id = {_ROW}.id" if self._is_cases else source

    def _plugin(self) -> str:
        """Whose rows they are; the core counts cases of all applications."""
        return self.scope.name("plugin_id") if self._is_cases else literal(self.indicator.plugin_id)

    @property
    def _is_cases(self) -> bool:
        return self.indicator.over == CASES

    def _conditions(self) -> list[str]:
        found = [self._whose(), *self._when()]
        return found if self.indicator.where is None else [*found, f"({self.scope.sql(self.indicator.where)})"]

    def _whose(self) -> str:
        if not self._is_cases:
            return f"{self.scope.name('deleted_at')} IS NULL"
        if self.indicator.plugin_id == "core":
            return "TRUE"
        return f"{self.scope.name('plugin_id')} = {self._param(Column('plugin_id', 'text'), self.indicator.plugin_id)}"

    def _when(self) -> list[str]:
        if self.indicator.kind == "moment":
            return []
        sql, column = self._time()
        names = ("first", "last") if column.kind == "date" else ("begin", "end")
        first, last = (self.scope.params.add(Arg((name,)), column) for name in names)
        return [f"{sql} >= {first}", f"{sql} {'<=' if column.kind == 'date' else '<'} {last}"]

    def _time(self) -> tuple[str, Column]:
        sql, found = self.scope.column((self.indicator.time_field,))
        return sql, Column("at", found.kind)  # type: ignore[arg-type]  # the check of the manifest: a date or an instant

    def _group(self) -> str:
        return self.scope.column((self.indicator.group_by,))[0]

    def _sums(self) -> tuple[str, str]:
        indicator = self.indicator
        if indicator.of is not None:
            of = self.scope.sql(indicator.of)
            known = f"sum(CASE WHEN ({of}) IS NULL THEN 0 ELSE 1 END)"
            return f"sum(CASE WHEN {of} THEN 1 ELSE 0 END)", known
        if indicator.number_field:
            number = self.scope.column((indicator.number_field,))[0]
            return f"coalesce(sum({number}), 0)", f"count({number})"
        return "count(*)", "count(*)"

    def _param(self, column: Column, value: Any) -> str:
        return self.scope.params.add(Const(value), column)


def entity_of(world: World, indicator: Indicator) -> Entity | None:
    """What is counted; None while its plugin is switched off."""
    return CASE_RECORD if indicator.over == CASES else world.entity(indicator.over)


async def count(
    database: Database, world: World, indicator: Indicator, period: Period, now: datetime, is_on: IsOn
) -> dict[tuple[str, str], Sum]:
    """Sums by the very division and group of the rows of applications that are on there; UnavailableError when it
    takes too long.

    For expressions it is `now`, in a period that is over its last moment: counted again, it gives the same."""
    entity = entity_of(world, indicator)
    if entity is None:
        return {}
    counting = _Count.of(database, world, indicator, entity)
    args = {"begin": period.begin, "end": period.end, "first": period.first, "last": period.last}
    env = Env({}, args, min(now, period.end - _MOMENT))
    rows = await database.fetch(counting.sql(), counting.scope.params.bind(env))
    found: dict[tuple[str, str], Sum] = defaultdict(Sum)
    for plugin_id, division, *group, numerator, denominator in rows:
        if not is_on(plugin_id, division or ""):
            continue
        key = _key(database, entity, indicator, group[0]) if group else ""
        found[division or "", key] += Sum(_whole(database, indicator, numerator), int(denominator))
    return found


async def first_day(database: Database, world: World, indicator: Indicator) -> date | None:
    """The day of the oldest row, whatever its kind; None = there is none, or the day is of no interest."""
    entity = entity_of(world, indicator)
    if entity is None or indicator.kind == "moment":
        return None
    counting = _Count.of(database, world, indicator, entity)
    text = counting.first_sql()
    found = await database.fetch_value(text, counting.scope.params.bind(Env({}, {}, _EPOCH)))
    value = database.dialect.load(counting._time()[1], found)
    return china_day(value) if isinstance(value, datetime) else value


def _whole(database: Database, indicator: Indicator, raw: Any) -> int:
    loaded = database.dialect.load(Column("n", "decimal", indicator.scale), raw)
    return int(Decimal(loaded).scaleb(indicator.scale))


def _key(database: Database, entity: Entity, indicator: Indicator, raw: Any) -> str:
    kind = (type_of(all_fields(entity)[indicator.group_by]) or INT).kind
    value = database.dialect.load(Column("g", kind), raw)  # type: ignore[arg-type]  # columns have no lists
    return NONE if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def rolled(sums: Mapping[tuple[str, str], Sum]) -> dict[tuple[str, str], Sum]:
    """The same for each place and all around it, and for all groups together."""
    found: dict[tuple[str, str], Sum] = defaultdict(Sum)
    for (division, group), one in sums.items():
        for place in around(division):
            for key in {group, ""}:
                found[place, key] += one
    return found


def around(division: str) -> Iterable[str]:
    """Everywhere, the divisions that one lies in, and itself."""
    yield ""
    if division:
        yield from (division[:n].ljust(12, "0") for n in LEVEL_DIGITS if n <= level_digits(division[:12]))


def level(division: str) -> int:
    """Digits that name it; 0 = everywhere."""
    return level_digits(division) if division else 0
