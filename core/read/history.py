"""Versions of one row as its reader may see them: every value in the form the row itself would show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError, UnreadableError

from core.access import AccessModel
from core.crypto.fields import masked_value
from core.expr import paths
from core.fields import all_fields
from core.fields.base import Field
from core.fields.column import Column
from core.fields.refs import Ref
from core.fields.sealed import is_sealed_text, may_be_sealed
from core.manifest.model import Entity, World
from core.read.canonical import canonical_id
from core.read.opener import Opener, Shown
from core.read.plan import Plan
from core.read.rows import Access, Rows
from core.read.statement import Statement
from core.store.database import Database
from core.store.dialect import literal
from core.store.engine import HISTORY
from core.store.sql import Const
from core.store.statement import statement

_ID = Column("id", "uuid")
_COLUMNS = ("version", "action", "actor", "principal", "at", "why", "before", "after")
_PAGE = (
    "SELECT {columns} FROM tb_history WHERE entity = {{entity}} AND row_id = {{row_id}} AND version < {{version}} "
    "ORDER BY version DESC LIMIT {limit}"
)
#: The newest version whose change touched one of the fields; what is older may be about somebody else.
_TURN = {
    "sqlite": "EXISTS (SELECT 1 FROM json_each(after) WHERE key IN ({names}))",
    "postgres": "EXISTS (SELECT 1 FROM jsonb_object_keys(after) k WHERE k IN ({names}))",
}
CLEAR, MASKED, HIDDEN = "c", "m", "h"
NEWEST = 2**31 - 1
_ACCOUNT = "updated_by"


@dataclass(frozen=True, slots=True)
class Version:
    """One change. `before` and `after` hold the changed fields the reader may see, by their names in the API."""

    version: int
    action: str
    at: datetime
    why: str
    #: Account, and the person it acted for; "" and None to whoever may not see who wrote the row.
    actor: str
    principal: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    masked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forms:
    """What the reader sees of each field of the row as it is now."""

    row: Mapping[str, str]
    #: Versions before this one may be about somebody else: nothing of them is clear that a mask covers.
    since: int

    def of(self, field: Field, version: int, *, is_before: bool) -> str:
        form = self.row.get(field.name, HIDDEN)
        is_older = version < self.since or (is_before and version == self.since)
        return MASKED if form == CLEAR and is_older and field.level in ("L3", "L4") else form


@dataclass(slots=True)
class History:
    """Of one generation."""

    world: World
    access: AccessModel
    opener: Opener
    database: Database

    async def page(
        self, actor: Actor, entity: Entity, id: str, first: int, before: int, now: datetime
    ) -> list[Version]:
        """At most `first` + 1 versions older than `before`, newest first. NotFoundError for a row he does not see.

        AuditUnavailableError: what it shows in clear could not be recorded, so nothing is shown.
        """
        row_id = canonical_id(id)
        forms, shown = await self._forms(actor, entity, row_id, now)
        names = {"entity": entity.key, "row_id": row_id, "version": before}
        text = _PAGE.format(columns=", ".join(_COLUMNS), limit=first + 1)
        rows = await self.database.fetch(*statement(self.database.dialect, HISTORY, text, **names))
        clear: dict[str, None] = {}
        versions = [self._version(entity, row_id, forms, row, clear) for row in rows]
        if clear:
            entry = shown.line(actor, list(clear))
            await self.opener.record(replace(entry, row_id=row_id, detail=f"历史 {len(rows)} 版"))
        return versions

    async def _forms(self, actor: Actor, entity: Entity, row_id: str, now: datetime) -> tuple[Forms, Shown]:
        planned = Statement.start(self.database.dialect, self.world, self.opener.vault)
        planned.sights.begin("", entity)
        rows = Rows.root(planned, Access(self.access, actor.roles), entity, listed=False)
        fields = list(all_fields(entity).values())
        mark = planned.params.add(Const(row_id), _ID)
        pairs = [(f.name, rows.form(f)) for f in fields]
        source = f"{rows.source} WHERE {rows.scope.name('id')} = {mark} AND {self._admits(rows, actor, entity)}"
        sql = f"SELECT {planned.json.object([*pairs, *rows.seen(fields)], source)}"
        plan = Plan.of(sql, planned, self.opener)
        text = await self.database.fetch_value(plan.text(actor), plan.bind(actor, {}, now))
        if text is None:
            raise NotFoundError(f"没有这一行{entity.title}，或者您看不到")
        answer = orjson.loads(text)
        shown = self.opener.look(planned.sights, planned.sights.current, answer, lambda error: None)
        return Forms(answer, await self._turn(entity, row_id, self._guards(rows, entity))), shown

    def _admits(self, rows: Rows, actor: Actor, entity: Entity) -> str:
        """A deleted row is history for whoever might have deleted it."""
        deleters = self.access.rules(actor.roles, entity.key, "delete")
        deleted = self.access.row_predicate(deleters, rows.scope)
        gone = f" OR {deleted}" if deleted else ""
        return f"({rows.admitted()}) AND ({rows.scope.name('deleted_at')} IS NULL{gone})"

    @staticmethod
    def _guards(rows: Rows, entity: Entity) -> set[str]:
        """Fields that say whom a row is about and who sees it."""
        found = {path[0] for rule in rows.rules if rule.where is not None for path in paths(rule.where)}
        return (found | {path[0] for path in entity.subject_paths}) & all_fields(entity).keys()

    async def _turn(self, entity: Entity, row_id: str, guards: set[str]) -> int:
        if not guards:
            return 0
        dialect = self.database.dialect
        touched = _TURN[dialect.name].format(names=", ".join(map(literal, sorted(guards))))
        text = f"SELECT max(version) FROM tb_history WHERE row_id = {{row_id}} AND action = 'update' AND {touched}"
        return await self.database.fetch_value(*statement(dialect, HISTORY, text, row_id=row_id)) or 0

    def _version(
        self, entity: Entity, row_id: str, forms: Forms, row: Sequence[Any], clear: dict[str, None]
    ) -> Version:
        dialect = self.database.dialect
        found = {name: dialect.load(HISTORY.column(name), raw) for name, raw in zip(_COLUMNS, row, strict=True)}
        version, knows_who = found["version"], forms.row.get(_ACCOUNT) == CLEAR
        masked: dict[str, None] = {}

        def side(name: str) -> dict[str, Any] | None:
            values = found[name]
            if values is None:
                return None
            some = self._values(entity, row_id, values, forms, version, name == "before", masked, clear)
            return dict(some)

        return Version(
            version, found["action"], found["at"], found["why"], found["actor"] if knows_who else "",
            found["principal"] if knows_who else None, side("before"), side("after"), tuple(masked),
        )  # fmt: skip

    def _values(
        self, entity: Entity, row_id: str, values: Mapping[str, Any], forms: Forms, version: int, is_before: bool,
        masked: dict[str, None], clear: dict[str, None],
    ) -> Iterator[tuple[str, Any]]:  # fmt: skip
        fields = all_fields(entity)
        for name, value in values.items():
            field = fields.get(name)
            form = forms.of(field, version, is_before=is_before) if field else HIDDEN
            if field is None or form == HIDDEN:
                continue
            key = f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name
            value = self._opened(entity, field, row_id, value)
            if form == MASKED:
                masked[field.graphql_name] = None
                yield key, masked_value(field, value)
            else:
                if field.level in ("L3", "L4"):
                    clear[name] = None
                yield key, value

    def _opened(self, entity: Entity, field: Field, row_id: str, value: Any) -> Any:
        """Null for a value whose key is gone: the other versions stand."""
        if not may_be_sealed(field, entity) or not is_sealed_text(value):
            return value
        try:
            return self.opener.unseal(entity, field, row_id, value)
        except UnreadableError:
            return None
