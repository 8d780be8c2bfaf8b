"""The statements of writes, made once per entity and rights, parameters named by where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.access import AccessModel, EntityScope
from core.fields import all_fields
from core.fields.column import Table
from core.fields.made import Computed
from core.fields.refs import Ref
from core.manifest.model import Entity, Rule, World
from core.store.dialect import Dialect, quote
from core.store.engine import HISTORY, IDEMPOTENCY, OUTBOX
from core.store.sql import Arg, Env, Params
from core.store.tables import table_of

#: Rules of which one must admit the row, once for each kind of field that is written.
Groups = tuple[tuple[Rule, ...], ...]
CASTS = {
    "text": "text", "uuid": "uuid", "int": "bigint", "bool": "boolean", "decimal": "numeric",
    "date": "date", "datetime": "timestamptz", "time": "time", "json": "jsonb",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sql:
    text: str
    params: Params

    def bind(self, env: Env) -> list[Any]:
        return self.params.bind(env)


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """On Postgres `whole` does all of it, and counts the rows made. SQLite runs guards, then inserts, in one hop."""

    guards: tuple[tuple[Ref, Sql], ...]
    inserts: tuple[Sql, ...]
    whole: Sql | None


class Statements:
    """Compiled statements of one generation."""

    def __init__(self, dialect: Dialect, world: World, access: AccessModel) -> None:
        self._dialect = dialect
        self._world = world
        self._access = access
        self._creates: dict[Any, CreatePlan] = {}
        self._selects: dict[Any, Sql] = {}

    def create(
        self, entity: Entity, refs: tuple[Ref, ...], roles: frozenset[str], *, has_history: bool, has_key: bool
    ) -> CreatePlan:
        key = (entity.key, refs, roles if refs else None, has_history, has_key)
        plan = self._creates.get(key)
        if plan is None:
            if len(self._creates) >= 4096:
                self._creates.clear()
            plan = self._creates[key] = self._create(entity, refs, roles, has_history, has_key)
        return plan

    def _create(
        self, entity: Entity, refs: tuple[Ref, ...], roles: frozenset[str], has_history: bool, has_key: bool
    ) -> CreatePlan:
        tables = [table_of(entity), OUTBOX, *([HISTORY] if has_history else []), *([IDEMPOTENCY] if has_key else [])]
        guards = tuple((ref, self._guard(ref, roles, Params(self._dialect))) for ref in refs)
        inserts = tuple(self._insert(table, Params(self._dialect)) for table in tables)
        whole = self._whole(tables, refs, roles) if self._dialect.name == "postgres" else None
        return CreatePlan(guards, inserts, whole)

    def division(self, ref: Ref, roles: frozenset[str]) -> Sql:
        """The division of the row a ref names, if the actor may use that row."""
        key = ("division", ref, roles)
        found = self._selects.get(key)
        if found is None:
            params = Params(self._dialect)
            found = self._selects[key] = Sql(f"SELECT r.division {self._usable(ref, roles, params)}", params)
        return found

    def _guard(self, ref: Ref, roles: frozenset[str], params: Params) -> Sql:
        """One row when the target exists and the actor may read it: a refusal tells nothing about hidden rows."""
        # Not even a deletion at this moment may pass: it takes FOR UPDATE before it looks for rows that point to it.
        lock = " FOR KEY SHARE OF r" if self._dialect.name == "postgres" else ""
        return Sql(f"SELECT 1 {self._usable(ref, roles, params)}{lock}", params)

    def _usable(self, ref: Ref, roles: frozenset[str], params: Params) -> str:
        target = self._world.entities[ref.to]
        readable = self._access.row_predicate(
            self._access.rules(roles, target.key, "read"), EntityScope(self._world, target, "r", params)
        )
        id = params.add(Arg(("row", ref.column_name)), ref.columns()[0])
        return f"FROM {quote(target.table)} r WHERE r.id = {id} AND r.deleted_at IS NULL AND ({readable or 'FALSE'})"

    def _insert(self, table: Table, params: Params, source: str = "") -> Sql:
        names = ", ".join(quote(c.name) for c in table.columns)
        marks = [params.add(Arg((_part(table), c.name)), c) for c in table.columns]
        if self._dialect.name == "postgres":
            marks = [f"CAST({m} AS {CASTS[c.kind]})" for m, c in zip(marks, table.columns, strict=True)]
        return Sql(f"INSERT INTO {quote(table.name)} ({names}) SELECT {', '.join(marks)}{source}", params)

    def _whole(self, tables: Sequence[Table], refs: tuple[Ref, ...], roles: frozenset[str]) -> Sql:
        params = Params(self._dialect)
        chain = [f"g{i} AS MATERIALIZED ({self._guard(ref, roles, params).text})" for i, ref in enumerate(refs)]
        where = " AND ".join(f"EXISTS (SELECT 1 FROM g{i})" for i in range(len(refs)))
        first, *others = tables
        made = self._insert(first, params, f" WHERE {where}" if where else "").text
        chain.append(f"made AS ({made} RETURNING id)")
        chain += [f"o{i} AS ({self._insert(t, params, ' FROM made').text})" for i, t in enumerate(others)]
        return Sql(f"WITH {', '.join(chain)} SELECT count(*) FROM made", params)

    def select(self, entity: Entity, groups: Groups, roles: frozenset[str], lock: str = "") -> Sql:
        """One row: whether the rules allow the action on it, whether the actor may read it, and its columns."""
        key = (entity.key, tuple(tuple(rule.id for rule in group) for group in groups), roles, lock)
        found = self._selects.get(key)
        if found is None:
            if len(self._selects) >= 4096:
                self._selects.clear()
            found = self._selects[key] = self._select(entity, groups, roles, lock)
        return found

    def _select(self, entity: Entity, groups: Groups, roles: frozenset[str], lock: str) -> Sql:
        params = Params(self._dialect)
        scope = EntityScope(self._world, entity, "t", params)
        may = " AND ".join(f"({self._access.row_predicate(group, scope) or 'FALSE'})" for group in groups)
        sees = self._access.row_predicate(self._access.rules(roles, entity.key, "read"), scope) or "FALSE"
        names = ", ".join(f"t.{quote(c.name)}" for c in table_of(entity).columns)
        id = params.add(Arg(("id",)), all_fields(entity)["id"].columns()[0])
        lock_sql = f" {lock} OF t" if lock and self._dialect.name == "postgres" else ""
        where = f"t.id = {id} AND t.deleted_at IS NULL"
        return Sql(f"SELECT ({may}), ({sees}), {names} FROM {quote(entity.table)} t WHERE {where}{lock_sql}", params)

    def update(self, entity: Entity, columns: Mapping[str, Any]) -> Sql:
        params = Params(self._dialect)
        table = table_of(entity)
        sets = ", ".join(f"{quote(n)} = {params.add(Arg(('row', n)), table.by_name[n])}" for n in columns)
        id = params.add(Arg(("id",)), table.by_name["id"])
        version = params.add(Arg(("version",)), table.by_name["version"])
        return Sql(f"UPDATE {quote(table.name)} SET {sets} WHERE id = {id} AND version = {version}", params)

    def compute(self, entity: Entity, field: Computed) -> Sql:
        params = Params(self._dialect)
        value = field.sql(EntityScope(self._world, entity, "t", params))
        id = params.add(Arg(("id",)), table_of(entity).by_name["id"])
        name = quote(field.name)
        return Sql(f"UPDATE {quote(entity.table)} AS t SET {name} = {value} WHERE t.id = {id} RETURNING {name}", params)


def _part(table: Table) -> str:
    return table.name if table.name.startswith("tb_") else "row"
