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
from core.store.audit_tables import AUDIT, AUDIT_LANE, AUDIT_SUBJECT
from core.store.dialect import Dialect, quote
from core.store.engine import HISTORY, IDEMPOTENCY, OUTBOX
from core.store.insert import CASTS
from core.store.sql import Arg, Env, Params
from core.store.tables import table_of

#: What a creation answers instead of a count when the audit's lane is not where this process left it.
LANE_LOST = -1
#: Column of a row beside → where the same value is already: it is sent once.
SAID = {
    **{(table.name, name): OUTBOX.name for table in (HISTORY, IDEMPOTENCY) for name in ("entity", "row_id", "version")},
    **{(table.name, "at"): OUTBOX.name for table in (HISTORY, IDEMPOTENCY, AUDIT, AUDIT_SUBJECT)},
    (AUDIT.name, "entity"): OUTBOX.name,
    **{(table.name, name): AUDIT.name for table in (AUDIT_SUBJECT, AUDIT_LANE) for name in ("lane", "number", "node")},
}
#: A row beside the entity's own: its table, and the columns that are given; the others take their defaults.
Beside = tuple[Table, tuple[str, ...]]
#: Rules of which one must admit the row, once for each kind of field that is written.
Groups = tuple[tuple[Rule, ...], ...]


@dataclass(frozen=True, slots=True)
class Sql:
    text: str
    params: Params

    def bind(self, env: Env) -> list[Any]:
        return self.params.bind(env)


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """On Postgres `whole` does all of it, and counts the rows made, or says LANE_LOST. SQLite runs guards, then of what
    moves the counter of the audit's lane the first that changes a row, then inserts, in one hop."""

    guards: tuple[tuple[Ref, Sql], ...]
    lane: tuple[Sql, ...]
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
        self, entity: Entity, refs: tuple[Ref, ...], roles: frozenset[str], beside: tuple[Beside, ...]
    ) -> CreatePlan:
        """`beside`: what gets a row from the arguments of the table's name; the audit's line brings its lane."""
        key = (entity.key, refs, roles if refs else None, tuple([(table.name, names) for table, names in beside]))
        plan = self._creates.get(key)
        if plan is None:
            if len(self._creates) >= 4096:
                self._creates.clear()
            plan = self._creates[key] = self._create(entity, refs, roles, beside)
        return plan

    def _create(
        self, entity: Entity, refs: tuple[Ref, ...], roles: frozenset[str], beside: tuple[Beside, ...]
    ) -> CreatePlan:
        rows = (_whole_row(table_of(entity)), *beside)
        guards = tuple((ref, self._guard(ref, roles, Params(self._dialect))) for ref in refs)
        inserts = tuple(self._insert(row, Params(self._dialect)) for row in rows)
        is_audited = any(table is AUDIT for table, _ in beside)
        if self._dialect.name == "postgres":
            return CreatePlan(guards, (), inserts, self._whole(rows, refs, roles, is_audited))
        return CreatePlan(guards, self._lane_moves() if is_audited else (), inserts, None)

    def _lane_moves(self) -> tuple[Sql, ...]:
        """The counter nearly always exists, and SQLite takes three times as long for an upsert."""
        params = Params(self._dialect)
        id, number, mac = (
            params.add(_source(AUDIT_LANE, name), AUDIT_LANE.by_name[name]) for name in ("id", "number", "mac")
        )
        before = params.add(Arg((AUDIT_LANE.name, "before")), AUDIT_LANE.by_name["number"])
        update = f"UPDATE {AUDIT_LANE.name} SET number = {number}, mac = {mac} WHERE id = {id} AND number = {before}"
        return Sql(update, params), self._advance(Params(self._dialect))

    def _advance(self, params: Params, where: str = "TRUE") -> Sql:
        """Moves the counter of a lane from where this process left it; changes no row when somebody else did."""
        insert = self._insert(_whole_row(AUDIT_LANE), params, f" WHERE {where}").text
        before = params.add(Arg((AUDIT_LANE.name, "before")), AUDIT_LANE.by_name["number"])
        return Sql(
            f"{insert} ON CONFLICT (id) DO UPDATE SET number = excluded.number, mac = excluded.mac "
            f"WHERE {AUDIT_LANE.name}.number = {before}",
            params,
        )

    def division(self, ref: Ref, roles: frozenset[str]) -> Sql:
        """The division of the row a ref names, if the actor may use that row."""
        key = ("division", ref, roles)
        found = self._selects.get(key)
        if found is None:
            params = Params(self._dialect)
            found = self._selects[key] = Sql(f"SELECT r.division {self._usable(ref, roles, params)}", params)
        return found

    def subject(self, entity: Entity, path: tuple[str, ...]) -> Sql:
        """A person that a row is about, found from the row its first ref names."""
        key = ("subject", entity.key, path)
        found = self._selects.get(key)
        if found is None:
            params, (first, *rest) = Params(self._dialect), path
            ref = entity.fields[first]
            assert isinstance(ref, Ref)
            target = self._world.entities[ref.to]
            person = EntityScope(self._world, target, "r", params).column(tuple(rest))[0]
            id = params.add(Arg(("id",)), ref.columns()[0])
            found = self._selects[key] = Sql(f"SELECT {person} FROM {quote(target.table)} r WHERE r.id = {id}", params)
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

    def _insert(self, row: Beside, params: Params, source: str = "") -> Sql:
        table, names = row
        columns = [table.by_name[name] for name in names]
        marks = [params.add(_source(table, c.name), c) for c in columns]
        if self._dialect.name == "postgres":
            marks = [f"CAST({m} AS {CASTS[c.kind]})" for m, c in zip(marks, columns, strict=True)]
        listed = ", ".join(map(quote, names))
        return Sql(f"INSERT INTO {quote(table.name)} ({listed}) SELECT {', '.join(marks)}{source}", params)

    def _whole(self, rows: Sequence[Beside], refs: tuple[Ref, ...], roles: frozenset[str], is_audited: bool) -> Sql:
        params = Params(self._dialect)
        chain = [f"g{i} AS MATERIALIZED ({self._guard(ref, roles, params).text})" for i, ref in enumerate(refs)]
        where = " AND ".join(f"EXISTS (SELECT 1 FROM g{i})" for i in range(len(refs))) or "TRUE"
        first, *others = rows
        source, lost = f" WHERE {where}", "0"
        if is_audited:
            chain.append(f"lane AS ({self._advance(params, where).text} RETURNING id)")
            source, lost = " FROM lane", f"CASE WHEN {where} THEN {LANE_LOST} ELSE 0 END"
        chain.append(f"made AS ({self._insert(first, params, source).text} RETURNING id)")
        chain += [f"o{i} AS ({self._insert(row, params, ' FROM made').text})" for i, row in enumerate(others)]
        return Sql(
            f"WITH {', '.join(chain)} SELECT CASE WHEN EXISTS (SELECT 1 FROM made) THEN 1 ELSE {lost} END", params
        )

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
        return Sql(f"SELECT {value} FROM {quote(entity.table)} t WHERE t.id = {id}", params)


def _whole_row(table: Table) -> Beside:
    return table, tuple(table.by_name)


def _source(table: Table, name: str) -> Arg:
    part = table.name if table.name.startswith("tb_") else "row"
    return Arg((SAID.get((part, name), part), name))
