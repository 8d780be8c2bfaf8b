"""What one write knows from its start, and the steps that create, update and delete share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, RequestError

from core.access import AccessModel
from core.audit import Audit, Entry
from core.audit.audit import unavailable
from core.audit.call import called
from core.crypto import Vault
from core.expr import Undecided
from core.fields import all_fields
from core.fields.made import Computed
from core.fields.refs import Ref
from core.fields.sealed import at_rest_columns
from core.manifest.model import Action, Entity, World
from core.store.database import Database, Transaction
from core.store.errors import UniqueError
from core.store.sql import Env
from core.store.tables import index_name, table_of
from core.write.children import is_about_child
from core.write.events import Check, OnCommit, Written
from core.write.records import json_row
from core.write.rest import Rest, Unreadable
from core.write.rights import decide, denied, rule_groups
from core.write.shape import shape_of
from core.write.sources import Origin
from core.write.statements import Groups, Sql, Statements
from core.write.values import Row


@dataclass(frozen=True, slots=True)
class Shared:
    """Of one generation."""

    database: Database
    world: World
    access: AccessModel
    statements: Statements
    check: Check | None
    on_commit: tuple[OnCommit, ...]
    vault: Vault | None = None
    audit: Audit | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Of one write. `now` is the same in all its rows."""

    shared: Shared
    actor: Actor
    entity: Entity
    why: str
    now: datetime
    me: Mapping[str, Any]
    #: A transaction its owner ends; he must roll it back after any error.
    tx: Transaction | None = None
    #: Where the facts of this write come from.
    origin: Origin | None = None

    @property
    def source(self) -> Database | Transaction:
        return self.tx or self.shared.database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.tx is not None:
            yield self.tx
            return
        async with self.shared.database.transaction() as tx:
            yield tx

    def env(self, args: Mapping[str, Any]) -> Env:
        return Env(self.me, args, self.now)

    def groups(self, action: Action, fields: Collection[str]) -> Groups:
        return rule_groups(self.shared.access, self.actor, self.entity, action, fields)

    def decide(self, groups: Groups, row: Row) -> tuple[bool | None, str]:
        """Whether the rules admit the row, None when only the database can say; and which ones."""
        answer, rules = decide(groups, row, self.me, self.now)
        if answer is False:
            raise denied(self.actor, self.entity)
        return answer, rules

    async def subjects(self, source: Database | Transaction, row: Row, entity: Entity | None = None) -> list[str]:
        """The persons a row (of this entity, when no other is named) is about."""
        entity = entity or self.entity
        found = [await self._subject(source, row, entity, path) for path in entity.subject_paths]
        return [person for person in found if person]

    async def _subject(
        self, source: Database | Transaction, row: Row, entity: Entity, path: tuple[str, ...]
    ) -> str | None:
        value: str | None = row.get(path[0])
        if value is None or len(path) == 1:
            return value
        sql = self.shared.statements.subject(entity, path)
        rows = await source.fetch(sql.text, sql.bind(self.env({"id": value})))
        return str(rows[0][0]) if rows and rows[0][0] is not None else None

    def entry(self, action: str, row: Row, rule: str, fields: Collection[str], *subjects: str) -> Entry:
        """The audit line of this write: names of fields, never their values, and the mutation it is part of."""
        case = row.get(self.entity.case) if self.entity.case else None
        return Entry(
            self.actor,
            action,
            self.entity.key,
            row["id"],
            subjects=subjects,
            fields=tuple(fields),
            case=case or "",
            rule=rule,
            detail=called(),
        )

    def select(self, groups: Groups, lock: str = "") -> Sql:
        return self.shared.statements.select(self.entity, groups, self.actor.roles, lock)

    async def require(self, tx: Transaction, groups: Groups, id: str) -> None:
        """The rules must admit the row as it now stands in the transaction."""
        sql = self.select(groups)
        rows = await tx.fetch(sql.text, sql.bind(self.env({"id": id})))
        if not rows or not rows[0][0]:
            raise denied(self.actor, self.entity)

    def compute(self, row: Row) -> list[Computed]:
        """Fill the stored computed fields; returns those that need rows only the database has."""
        left: list[Computed] = []
        if any(isinstance(value, Unreadable) for value in row.values()):
            # What was worked out while everything could be read stays.
            return left
        for field in shape_of(self.entity).computed:
            row[field.name] = None
            try:
                row[field.name] = field.evaluate(row, self.me, self.now)
            except Undecided:
                left.append(field)
        return left

    async def compute_in(self, tx: Transaction, fields: list[Computed], row: Row, rest: Rest) -> None:
        """The rest of them, by the database, once the row is written; they go to rest like all others."""
        dialect = self.shared.database.dialect
        for field in fields:
            sql = self.shared.statements.compute(self.entity, field)
            rows = await tx.fetch(sql.text, sql.bind(self.env({"id": row["id"]})))
            row[field.name] = dialect.load(field.result_column, rows[0][0])
            values = rest.columns(shape_of(self.entity).by_name[field.name], row[field.name])
            sql = self.shared.statements.update(self.entity, values)
            await tx.execute(sql.text, sql.bind(self.env({"row": values, "id": row["id"], "version": row["version"]})))

    async def check(self, action: ChangeAction, id: str, version: int, before: Row, after: Row) -> None:
        """Plugins may refuse; they see values as the API prints them."""
        if self.shared.check is None:
            return
        division = (after or before).get("division") or ""
        await self.shared.check(
            Change(
                entity=self.entity.key,
                id=id,
                action=action,
                version=version,
                division=division,
                actor=self.actor,
                before=json_row(before) or {},
                after=json_row(after) or {},
            )
        )

    async def rest(self, source: Database | Transaction, row: Row, entity: Entity | None = None) -> Rest:
        """How a row (of this entity, when no other is named) goes to rest."""
        entity, shared = entity or self.entity, self.shared
        is_child = await is_about_child(source, shared.database, shared.world, entity, row, self.now)
        return Rest(shared.vault, entity, row["id"], is_child)

    async def judge(self, error: Exception) -> None:
        """Of a failure nobody expected: was it the audit? Then the caller is told so."""
        audit = self.shared.audit
        if audit is not None and not isinstance(error, RequestError) and await audit.check():
            raise unavailable() from error

    def tell(self, *written: Written) -> None:
        if self.tx is None:
            self._tell(written)
        elif self.shared.on_commit:
            self.tx.ended.append(lambda done: self._tell(written) if done else None)

    def _tell(self, written: Sequence[Written]) -> None:
        for listener in self.shared.on_commit:
            listener(written)

    def taken(self, error: UniqueError) -> ConflictError:
        """A unique value that another row has, by the titles of its fields."""
        table = table_of(self.entity)
        columns = error.columns or next(
            (i.columns for i in table.indexes if index_name(table.name, i) == error.index), ()
        )
        fields = all_fields(self.entity).values()
        titles = [f.title for f in fields if any(c.name in columns for c in at_rest_columns(f, self.entity))]
        return ConflictError(f"{'、'.join(titles) or '标识'}已被使用", hint="请换一个值")


def missing_ref(ref: Ref, root: str) -> InvalidInputError:
    """The same for a row that is not there and one the actor may not see."""
    problem = InputProblem((root, f"{ref.graphql_name}Id"), f"找不到所选的{ref.title}", "ref.not-found")
    return InvalidInputError("填写的内容有误", [problem])
