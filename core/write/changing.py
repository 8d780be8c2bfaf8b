"""Changing and deleting one row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tongban_sdk.changes import ChangeAction
from tongban_sdk.errors import ConflictError, NotFoundError

from core.fields.base import FieldError
from core.fields.refs import Ref, parse_uuid
from core.manifest.model import Entity
from core.store.database import Insert, Transaction
from core.store.dialect import quote
from core.store.engine import HISTORY, OUTBOX
from core.store.errors import UniqueError
from core.store.statement import statement
from core.store.tables import table_of
from core.write.children import has_new_subject
from core.write.consent import consent_fields, newly_held, require_consent
from core.write.events import Written
from core.write.periods import refuse_overlaps, touches_periods
from core.write.records import changed, history_row, outbox_row
from core.write.rest import Rest
from core.write.rights import decide, denied
from core.write.sources import tell_sources
from core.write.statements import Groups
from core.write.task import Task, missing_ref
from core.write.tree import follow, lock_tree, moved_by, replace
from core.write.values import Row, changed_columns, from_columns, parse_input

#: A deletion that would empty the refs of more rows than this is refused.
SET_NULL_MAX = 1000


class Changing:
    """Reads the row under a lock, so that rules and version are those of the moment of the change."""

    def __init__(self, task: Task, id: str, version: int) -> None:
        self._task = task
        try:
            self._id = parse_uuid(id)
        except FieldError as error:
            raise not_found(task.entity) from error
        self._version = version
        self._written: list[Written] = []
        #: Whose rows pointed to a deleted one.
        self._concerned: dict[str, None] = {}

    async def update(self, patch: Mapping[str, Any]) -> Written:
        try:
            return await self._update(patch)
        except Exception as error:
            await self._task.judge(error)
            raise

    async def _update(self, patch: Mapping[str, Any]) -> Written:
        task = self._task
        groups = task.groups("update", patch.keys())
        given = parse_input(task.entity, patch, is_new=False, root="patch")
        try:
            async with task.transaction() as tx:
                written = await self._update_in(tx, groups, given)
        except UniqueError as error:
            raise task.taken(error) from error
        task.tell(written)
        return written

    async def _update_in(self, tx: Transaction, groups: Groups, given: Row) -> Written:
        task, dialect = self._task, self._task.shared.database.dialect
        if is_move := moved_by(task.entity, given):
            await lock_tree(tx, dialect, task.entity, to_move=True)
        before = await self._locked(tx, groups, "FOR NO KEY UPDATE")
        after = {**before, **given, **self._stamps(before)}
        if is_move:
            await replace(tx, dialect, task.entity, before, after)
        uncomputed = task.compute(after)
        await self._check_refs(tx, before, given)
        await task.check("update", self._id, after["version"], before, after)
        rest = await self._store(tx, task.entity, before, after)
        if is_move:
            await follow(tx, dialect, task.entity, before, after)
        await task.compute_in(tx, uncomputed, after, rest)
        decided, rule = task.decide(groups, after)
        if not decided:
            await task.require(tx, groups, self._id)
        if touches_periods(task.entity, given):
            await refuse_overlaps(tx, dialect, task.entity, after, "patch")
        held = newly_held(task.entity, before, after)
        await require_consent(task, tx, "update", consent_fields(task.shared.world, task.entity, held, after), after)
        await self._record(tx, rest, "update", *changed(before, after), after["version"])
        new = [name for name in task.entity.fields if name in given and given[name] != before[name]]
        await tell_sources(tx, task, after, new, is_new=False)
        await self._tell_audit(tx, "update", rule, given, before, after)
        return Written(task.entity.key, self._id, after["version"], "update", after)

    async def delete(self) -> Written:
        try:
            return await self._delete()
        except Exception as error:
            await self._task.judge(error)
            raise

    async def _delete(self) -> Written:
        task = self._task
        groups = task.groups("delete", ())
        async with task.transaction() as tx:
            before = await self._locked(tx, groups, "FOR UPDATE")
            await task.check("delete", self._id, before["version"] + 1, before, {})
            await self._free_refs(tx)
            after = {**before, **self._stamps(before)}
            rest = await self._store(tx, task.entity, before, after, deleted=True)
            await self._record(tx, rest, "delete", self._declared(before), None, after["version"])
            _, rule = decide(groups, before, task.me, task.now)
            await self._tell_audit(tx, "delete", rule, (), before)
        written = Written(task.entity.key, self._id, after["version"], "delete", after)
        task.tell(*self._written, written)
        return written

    async def _locked(self, tx: Transaction, groups: Groups, lock: str) -> Row:
        task = self._task
        sql = task.select(groups, lock)
        rows = await tx.fetch(sql.text, sql.bind(task.env({"id": self._id})))
        # A row the actor may neither see nor change is not there for him.
        if not rows or not (rows[0][0] or rows[0][1]):
            raise not_found(task.entity)
        may, _, *raw = rows[0]
        if not may:
            raise denied(task.actor, task.entity)
        names = [column.name for column in table_of(task.entity).columns]
        raw_row = dict(zip(names, raw, strict=True))
        row = from_columns(task.shared.database.dialect, task.entity, raw_row, task.shared.vault)
        if row["version"] != self._version:
            raise ConflictError("数据已被他人修改", hint="请刷新后再试")
        return row

    def _stamps(self, before: Row) -> Row:
        task = self._task
        return {"version": before["version"] + 1, "updated_at": task.now, "updated_by": task.actor.id or None}

    async def _check_refs(self, tx: Transaction, before: Row, given: Row) -> None:
        task = self._task
        refs = tuple(
            f
            for f in task.entity.fields.values()
            if isinstance(f, Ref) and given.get(f.name) is not None and given[f.name] != before[f.name]
        )
        if not refs:
            return
        plan = task.shared.statements.create(task.entity, refs, task.actor.roles, ())
        env = task.env({"row": {ref.column_name: given[ref.name] for ref in refs}})
        for ref, sql in plan.guards:
            if not await tx.fetch(sql.text, sql.bind(env)):
                raise missing_ref(ref, "patch")

    async def _store(self, tx: Transaction, entity: Entity, before: Row, after: Row, *, deleted: bool = False) -> Rest:
        rest = await self._task.rest(tx, after, entity)
        sealing = rest.is_child and has_new_subject(entity, before, after)
        values = changed_columns(rest, before, after, sealing=sealing)
        values |= {"deleted_at": self._task.now} if deleted else {}
        sql = self._task.shared.statements.update(entity, values)
        env = self._task.env({"row": values, "id": before["id"], "version": before["version"]})
        if await tx.execute(sql.text, sql.bind(env)) != 1:
            raise ConflictError("数据已被他人修改", hint="请刷新后再试")
        return rest

    async def _record(
        self, tx: Transaction, rest: Rest, action: ChangeAction, before: Row, after: Row | None, version: int
    ) -> None:
        task, entity = self._task, rest.entity
        rows = [Insert(OUTBOX, outbox_row(entity, rest.row_id, version, action, task.now))]
        if entity.history:
            row = history_row(rest, version, action, task.actor, task.now, task.why, before, after)
            rows.append(Insert(HISTORY, row))
        await tx.insert(rows)

    async def _tell_audit(
        self, tx: Transaction, action: ChangeAction, rule: str, fields: Collection[str], *rows: Row
    ) -> None:
        """One line for all of it; whom it concerned before and concerns now."""
        task = self._task
        if task.shared.audit:
            subjects = self._concerned | {person: None for row in rows for person in await task.subjects(tx, row)}
            await task.shared.audit.within(tx, task.entry(action, rows[-1], rule, fields, *subjects))

    def _declared(self, row: Row) -> Row:
        return {name: row[name] for name in ("division", *self._task.entity.fields) if row.get(name) is not None}

    def _pointing(self) -> Iterator[tuple[Entity, Ref]]:
        key = self._task.entity.key
        for entity in self._task.shared.world.entities.values():
            for field in entity.fields.values():
                if isinstance(field, Ref) and field.to == key:
                    yield entity, field

    async def _free_refs(self, tx: Transaction) -> None:
        """Rows that point here: refuse, or empty their ref as a change of its own."""
        dialect = self._task.shared.database.dialect
        for entity, ref in self._pointing():
            table = table_of(entity)
            names = ", ".join(quote(column.name) for column in table.columns)
            limit = 1 if ref.on_delete == "restrict" else SET_NULL_MAX + 1
            text = (
                f"SELECT {names} FROM {quote(table.name)} WHERE {quote(ref.column_name)} = {{id:{ref.column_name}}} "
                f"AND deleted_at IS NULL LIMIT {limit}"
            )
            rows = await tx.fetch(*statement(dialect, table, text, id=self._id))
            if len(rows) == limit:
                raise ConflictError(f"还有“{entity.title}”引用它，不能删除", hint="请先处理引用它的数据")
            for raw in rows:
                columns = dict(zip((c.name for c in table.columns), raw, strict=True))
                row = from_columns(dialect, entity, columns, self._task.shared.vault)
                await self._empty(tx, entity, ref, row)

    async def _empty(self, tx: Transaction, entity: Entity, ref: Ref, before: Row) -> None:
        if self._task.shared.audit:
            self._concerned |= dict.fromkeys(await self._task.subjects(tx, before, entity))
        after = {**before, ref.name: None, **self._stamps(before)}
        rest = await self._store(tx, entity, before, after)
        await self._record(tx, rest, "update", *changed(before, after), after["version"])
        self._written.append(Written(entity.key, before["id"], after["version"], "update", after))


def not_found(entity: Entity) -> NotFoundError:
    return NotFoundError(f"找不到这条“{entity.title}”")
