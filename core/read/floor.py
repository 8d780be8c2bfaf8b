"""Statistics for those who may not see the rows: counted over cells of at least k rows, so that no answer, and no
difference of answers, tells of fewer.

The fields that all of the caller's rules name split the rows into cells. Cells below the floor are merged, upwards by
place (village, township, county), then into one remainder; what is still below is left out. Every statistic is a sum
over these cells, each with its count rounded to a multiple of k: filters choose among cells, never among rows. So any
combination of answers is one of groups of k or more. docs/adr/0013 says why, and what remains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tongban_sdk.errors import PermissionDeniedError

from core.access.scope import CASTS
from core.fields import all_fields
from core.fields.base import Field
from core.fields.column import Column
from core.fields.sealed import is_sealed, is_sealed_sql
from core.manifest.model import Entity, Rule
from core.read.columns import column_of, groupable, is_number
from core.read.rows import Access, Rows
from core.read.statement import Statement
from core.read.stats import Groups
from core.store.dialect import quote

#: Smallest group of an entity that declares none.
GROUP_MIN = 5
#: Digits of a place, and how many stay at each merging.
_PLACES = {"division": 12, "grid": 15}
_STEPS = (9, 6)
_TIMES = ("date", "datetime")
_BUCKETS = ("MONTH", "YEAR")


@dataclass(frozen=True, slots=True)
class Part:
    """One field the cells are split by."""

    field: Field
    column: Column
    #: Of a row: the value, the month of an instant, null of what is sealed.
    sql: str


class Cells(Rows):
    """The cells, as if they were rows: `n` rows in each, and of number field i the count `c<i>` and the sum `s<i>`."""

    @classmethod
    def of(cls, statement: Statement, access: Access, entity: Entity) -> Cells:
        """PermissionDeniedError when no rule opens statistics."""
        rules = tuple(r for r in access.model.rules(access.roles, entity.key, "aggregate") if "aggregate" in r.can)
        if not rules:
            raise PermissionDeniedError(f"没有统计{entity.title}的权限")
        return cls(statement, access, entity, rules)

    def __init__(self, statement: Statement, access: Access, entity: Entity, rules: tuple[Rule, ...]) -> None:
        super().__init__(statement, access, entity, rules, listed=True)
        self._base = Rows(statement, access, entity, rules, listed=True)
        named = frozenset.intersection(*(rule.fields for rule in rules))
        fields = [f for name, f in all_fields(entity).items() if name in named and not is_sealed(f)]
        self._numbers = {f.name: f for f in fields if is_number(f)}
        self._cells = {f.name: self._part(f) for f in fields if groupable(f) and f.columns() and not is_number(f)}
        self._k = entity.group_min or GROUP_MIN
        self.source = f"({self._sql()}) {self.alias}"

    def look(self, field: Field) -> None:
        if field.name not in self._cells:
            raise self.denied(field)

    def look_up(self, field: Field) -> None:
        raise self.denied(field)

    def unless_closed(self, field: Field, test: str) -> str:
        # A cell knows the month only.
        if field.type in _TIMES:
            raise self.denied(field)
        return test

    def target(self, ref: Field) -> Rows:
        raise self.denied(ref)

    def clear(self, field: Field) -> str:
        return self.scope.name(self._cells[field.name].column.name)

    def lying(self, field: Field) -> list[str]:
        return [self.clear(field)]

    def predicate(self, *, by_key: bool = False) -> str:
        return "TRUE"

    def total(self, field: Field) -> tuple[str, str]:
        """Sum and count of a number field over some cells."""
        if field.name not in self._numbers:
            raise self.denied(field)
        number = list(self._numbers).index(field.name)
        return f"sum({self.scope.name(f's{number}')})", f"sum({self.scope.name(f'c{number}')})"

    def _part(self, field: Field) -> Part:
        column, sql = column_of(field), self._base.scope.field(field)[0]
        assert column is not None
        if self._base.scope.sealed(field) == sql:
            sql = f"CASE WHEN NOT {is_sealed_sql(sql)} THEN {sql} END"
        if field.type in _TIMES:
            return Part(field, Column(column.name, "date"), self._month(sql, field.type == "datetime"))
        return Part(field, column, sql)

    def _month(self, sql: str, is_instant: bool) -> str:
        """First day of the month on the county's clock."""
        if self.statement.dialect.name == "sqlite":
            shift = ", '+8 hours'" if is_instant else ""
            return f"date({sql}{shift}, 'start of month')"
        local = f"({sql} AT TIME ZONE 'UTC' + interval '8 hours')" if is_instant else f"{sql}::timestamp"
        return f"date_trunc('month', {local})::date"

    def _sql(self) -> str:
        name = f"c{self.alias}_"
        steps = list(self._steps(name))
        union = " UNION ALL ".join(f"SELECT * FROM {name}{i} WHERE n >= {self._k}" for i in range(len(steps)))
        withs = ", ".join(f"{name}{i} AS ({step})" for i, step in enumerate(steps))
        return f"WITH {withs} SELECT {', '.join(self._rounded())} FROM ({union}) u"

    def _steps(self, name: str) -> Iterator[str]:
        """Rows to cells; then, again and again, the small ones to larger ones."""
        columns = [part.sql for part in self._cells.values()]
        numbers = [self._base.scope.field(f)[0] for f in self._numbers.values()]
        sums = ["count(*) AS n", *(f"count({x}) AS c{i}, sum({x}) AS s{i}" for i, x in enumerate(numbers))]
        yield self._step(columns, sums, f"{self._base.source} WHERE {self._base.predicate()}")
        again = [self._added("n"), *(f"{self._added(f'c{i}')}, sum(s{i}) AS s{i}" for i in range(len(numbers)))]
        made = 0
        if any(part.field.type in _PLACES for part in self._cells.values()):
            for digits in _STEPS:
                columns = [self._cut(part, digits) for part in self._cells.values()]
                yield self._step(columns, again, f"{name}{made} WHERE n < {self._k}")
                made += 1
        if self._cells:
            yield self._step(
                [self._nothing(part) for part in self._cells.values()], again, f"{name}{made} WHERE n < {self._k}"
            )

    def _step(self, columns: list[str], sums: list[str], source: str) -> str:
        named = [f"{sql} AS {quote(p.column.name)}" for sql, p in zip(columns, self._cells.values(), strict=True)]
        groups = f" GROUP BY {', '.join(str(i + 1) for i in range(len(named)))}" if named else ""
        return f"SELECT {', '.join([*named, *sums])} FROM {source}{groups}"

    @staticmethod
    def _added(name: str) -> str:
        # A sum of integers is a numeric on Postgres.
        return f"CAST(sum({name}) AS bigint) AS {name}"

    @staticmethod
    def _cut(part: Part, digits: int) -> str:
        width, sql = _PLACES.get(part.field.type), quote(part.column.name)
        return f"(substr({sql}, 1, {digits}) || '{'0' * (width - digits)}')" if width else sql

    def _nothing(self, part: Part) -> str:
        return f"CAST(NULL AS {CASTS[part.column.kind]})" if self.statement.dialect.name == "postgres" else "NULL"

    def _rounded(self) -> Iterator[str]:
        def near(sql: str) -> str:
            return f"(({sql} + {self._k // 2}) / {self._k} * {self._k})"

        yield from (quote(part.column.name) for part in self._cells.values())
        yield f"{near('n')} AS n"
        for i, field in enumerate(self._numbers.values()):
            column = column_of(field)
            assert column is not None
            enough, count = f"CASE WHEN c{i} >= {self._k} THEN", near(f"c{i}")
            share = f"s{i} * {count} / c{i}"
            if self.statement.dialect.name == "postgres":
                share = f"round(CAST(s{i} AS numeric) * {count} / c{i}, {column.scale})"
            yield f"{enough} {count} END AS c{i}, {enough} {share} END AS s{i}"


class CellGroups(Groups):
    """Counts, sums and averages over cells. The least and the greatest value are those of one person: never told."""

    _rows: Cells

    def _count(self, inner: list[str]) -> str:
        return self._aggregate(f"coalesce(sum({self._rows.scope.name('n')}), 0)", inner)

    def _time_key(self, field: Field, sql: str, bucket: str | None) -> str:
        if bucket not in _BUCKETS:
            raise self._rows.denied(field)
        return self._bucket(sql, False, bucket)

    def _number(self, part: str, field: Field, inner: list[str]) -> str:
        column = column_of(field)
        if part not in ("sum", "avg") or column is None:
            raise self._rows.denied(field)
        total, count = self._rows.total(field)
        if part == "sum":
            return self._dialect.json_value(column, self._aggregate(total, inner))
        return self._mean(column, total, count, inner)
