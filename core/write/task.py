"""What one write knows from its start, and the steps that create, update and delete share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError

from core.access import AccessModel
from core.expr import Undecided
from core.fields import all_fields
from core.fields.made import Computed
from core.fields.refs import Ref
from core.manifest.model import Action, Entity, World
from core.store.database import Database, Transaction
from core.store.errors import UniqueError
from core.store.sql import Env
from core.store.tables import index_name, table_of
from core.write.events import Check, OnCommit, Written
from core.write.records import json_row
from core.write.rights import decide, denied, rule_groups
from core.write.shape import shape_of
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


@dataclass(frozen=True, slots=True)
class Task:
    """Of one write. `now` is the same in all its rows."""

    shared: Shared
    actor: Actor
    entity: Entity
    why: str
    now: datetime
    me: Mapping[str, Any]

    def env(self, args: Mapping[str, Any]) -> Env:
        return Env(self.me, args, self.now)

    def groups(self, action: Action, fields: Collection[str]) -> Groups:
        return rule_groups(self.shared.access, self.actor, self.entity, action, fields)

    def decide(self, groups: Groups, row: Row) -> bool | None:
        answer = decide(groups, row, self.me, self.now)
        if answer is False:
            raise denied(self.actor, self.entity)
        return answer

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
        left = []
        for field in shape_of(self.entity).computed:
            row[field.name] = None
            try:
                row[field.name] = field.evaluate(row, self.me, self.now)
            except Undecided:
                left.append(field)
        return left

    async def compute_in(self, tx: Transaction, fields: list[Computed], row: Row) -> None:
        """The rest of them, by the database, once the row is written."""
        dialect = self.shared.database.dialect
        for field in fields:
            sql = self.shared.statements.compute(self.entity, field)
            rows = await tx.fetch(sql.text, sql.bind(self.env({"id": row["id"]})))
            row[field.name] = dialect.load(field.result_column, rows[0][0])

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

    def tell(self, *written: Written) -> None:
        for listener in self.shared.on_commit:
            listener(written)

    def taken(self, error: UniqueError) -> ConflictError:
        """A unique value that another row has, by the titles of its fields."""
        table = table_of(self.entity)
        columns = error.columns or next(
            (i.columns for i in table.indexes if index_name(table.name, i) == error.index), ()
        )
        titles = [f.title for f in all_fields(self.entity).values() if any(c.name in columns for c in f.columns())]
        return ConflictError(f"{'、'.join(titles) or '标识'}已被使用", hint="请换一个值")


def missing_ref(ref: Ref, root: str) -> InvalidInputError:
    """The same for a row that is not there and one the actor may not see."""
    problem = InputProblem((root, f"{ref.graphql_name}Id"), f"找不到所选的{ref.title}", "ref.not-found")
    return InvalidInputError("填写的内容有误", [problem])
