"""From the tables that are to the tables that should be: statements that only add, and problems for all the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tongban_sdk.problems import Place, Problem

from core.fields.column import SAMPLE, Column, Index, Table
from core.store.catalog import LiveColumn, LiveTable
from core.store.dialect import Dialect, bind, literal, quote
from core.store.tables import index_name

#: Postgres' long spellings of the types we write.
SPELLINGS = {"timestamp(3) with time zone": "timestamptz(3)", "time(0) without time zone": "time(0)"}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement and why it is needed."""

    sql: str
    why: str


@dataclass(slots=True)
class Plan:
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: "table.column" kept though no field declares it; with False, taken back into use.
    quarantine: dict[str, bool] = field(default_factory=dict)


def add_to_plan(
    plan: Plan,
    dialect: Dialect,
    tables: Sequence[Table],
    live: Mapping[str, LiveTable],
    quarantined: frozenset[str],
    filled: frozenset[str],
) -> None:
    """`live` are the tables that exist, `filled` those of them that have rows."""
    for table in tables:
        _plan_table(plan, dialect, table, live, quarantined, filled)


def _plan_table(
    plan: Plan,
    dialect: Dialect,
    table: Table,
    live: Mapping[str, LiveTable],
    quarantined: frozenset[str],
    filled: frozenset[str],
) -> None:
    old_name = table.renamed_from if table.renamed_from in live and table.name not in live else None
    now = live.get(old_name or table.name)
    if now is None:
        plan.steps.append(Step(create_table(dialect, table), f"新实体的表 {table.name}"))
        now = LiveTable()
    else:
        if old_name:
            sql = f"ALTER TABLE {quote(old_name)} RENAME TO {quote(table.name)}"
            plan.steps.append(Step(sql, f"声明的改名：{old_name} → {table.name}"))
        _plan_columns(plan, dialect, table, now, quarantined, (old_name or table.name) in filled)
    plan.steps += _index_steps(dialect, table, now.indexes)


def _plan_columns(
    plan: Plan, dialect: Dialect, table: Table, now: LiveTable, quarantined: frozenset[str], is_filled: bool
) -> None:
    gone = set(now.columns)
    for column in table.columns:
        old = column.renamed_from
        if column.name in now.columns:
            gone.discard(column.name)
            _check_kept(plan, dialect, table, column, now.columns[column.name])
        elif old and old in now.columns and old not in table.by_name:
            gone.discard(old)
            _check_kept(plan, dialect, table, column, now.columns[old])
            sql = f"ALTER TABLE {quote(table.name)} RENAME COLUMN {quote(old)} TO {quote(column.name)}"
            plan.steps.append(Step(sql, f"声明的改名：{table.name}.{old} → {column.name}"))
        elif not column.null and column.default is None and is_filled:
            message = "是必填列，但表中已有数据"
            plan.problems.append(_problem(table, column.name, "store.not-null", message, "请声明 default"))
        else:
            sql = f"ALTER TABLE {quote(table.name)} ADD COLUMN {column_ddl(dialect, _addable(dialect, column))}"
            plan.steps.append(Step(sql, f"新字段 {table.name}.{column.name}"))
    _plan_quarantine(plan, dialect, table, now, gone, quarantined)


def _plan_quarantine(
    plan: Plan, dialect: Dialect, table: Table, now: LiveTable, gone: set[str], quarantined: frozenset[str]
) -> None:
    """A column without a field stays where it is: nothing is lost, and declaring the field again finds its data."""
    for name in sorted(gone):
        key = f"{table.name}.{name}"
        if key not in quarantined:
            plan.quarantine[key] = True
        if now.columns[name].null:
            continue
        if dialect.name == "postgres":
            sql = f"ALTER TABLE {quote(table.name)} ALTER COLUMN {quote(name)} DROP NOT NULL"
            plan.steps.append(Step(sql, f"{key} 不再声明：保留数据，但不再必填"))
        else:
            hint = "请继续声明它"
            plan.problems.append(_problem(table, name, "store.not-null-removed", "不再声明，但数据库要求必填", hint))
    for name in table.by_name:
        if f"{table.name}.{name}" in quarantined:
            plan.quarantine[f"{table.name}.{name}"] = False


def _check_kept(plan: Plan, dialect: Dialect, table: Table, column: Column, now: LiveColumn) -> None:
    was, wanted = SPELLINGS.get(now.type, now.type), dialect.column_type(column)
    if was != wanted:
        message = f"数据库中是 {was}，声明的是 {wanted}：改类型会丢失数据"
        hint = "请保留原字段，用新的名称声明新类型的字段，再迁移数据"
        plan.problems.append(_problem(table, column.name, "store.type-changed", message, hint))
    if now.null and not column.null and not column.primary and dialect.name == "postgres":
        hint = "请去掉必填，或先补齐数据"
        plan.problems.append(_problem(table, column.name, "store.not-null", "在数据库中可空，不能改为必填", hint))


def _index_steps(dialect: Dialect, table: Table, existing: set[str]) -> Iterator[Step]:
    wanted = {index_name(table.name, index): index for index in table.indexes}
    for name in sorted(existing - wanted.keys()):
        yield Step(f"DROP INDEX {quote(name)}", f"{table.name} 不再声明这个索引；数据不受影响")
    for name, index in wanted.items():
        if name not in existing:
            why = f"{table.name} 的{'唯一' if index.unique else ''}索引（{'、'.join(index.columns)}）"
            yield Step(create_index(dialect, table, name, index), why)


def create_table(dialect: Dialect, table: Table) -> str:
    return f"CREATE TABLE {quote(table.name)} ({', '.join(column_ddl(dialect, c) for c in table.columns)})"


def column_ddl(dialect: Dialect, column: Column) -> str:
    words = [quote(column.name), dialect.column_type(column)]
    if column.primary:
        words.append("PRIMARY KEY")
    if not column.null or column.primary:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {_default(dialect, column)}")
    return " ".join(words)


def _addable(dialect: Dialect, column: Column) -> Column:
    """SQLite adds no NOT NULL column without a default, not even to an empty table."""
    is_refused = dialect.name == "sqlite" and not column.null and column.default is None
    return replace(column, null=True) if is_refused else column


def _default(dialect: Dialect, column: Column) -> str:
    value = bind(dialect, column, column.default)
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else literal(str(value))


def create_index(dialect: Dialect, table: Table, name: str, index: Index) -> str:
    columns = ", ".join(_ordered(dialect, table, c) for c in index.columns)
    where = ' WHERE "deleted_at" IS NULL' if index.live else ""
    if index.sample:
        where = f" WHERE {SAMPLE.format(id=quote('id'))}"
    return f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quote(name)} ON {quote(table.name)} ({columns}){where}"


def _ordered(dialect: Dialect, table: Table, name: str) -> str:
    """NULL is smallest. Postgres thinks otherwise, and reads an index in order only if the orders of nulls agree."""
    nulls = dialect.name == "postgres" and table.by_name[name.lstrip("-")].null
    if name[0] == "-":
        return f"{quote(name[1:])} DESC{' NULLS LAST' if nulls else ''}"
    return f"{quote(name)}{' NULLS FIRST' if nulls else ''}"


def _problem(table: Table, column: str, id: str, message: str, hint: str) -> Problem:
    return Problem(id, "error", Place(f"{table.name}.{column}"), f"{table.name}.{column} {message}", hint)
