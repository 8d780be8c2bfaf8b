"""Values in clear for somebody who has stated why: a declared purpose, a case that is his, a reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, NotFoundError, PermissionDeniedError

from core.access import AccessModel
from core.audit import Entry
from core.expr.tree import Call, Path
from core.fields.base import Field
from core.fields.column import Column
from core.fields.made import Sequence as Numbered
from core.fields.masks import is_sensitive
from core.manifest.model import Entity, World
from core.manifest.sections.plugin import FOUNDATION
from core.read.canonical import canonical_id
from core.read.opener import Opener, raising
from core.read.plan import Plan
from core.read.rows import Access, Rows
from core.read.statement import Statement
from core.store.database import Database
from core.store.sql import Const

REASON_CHARS = (4, 200)
FIELDS_MAX = 20
#: Numbers of people have no place in a reason: it is kept in the audit for years.
_LONG_NUMBER = re.compile(r"\d{7}")
_ID = Column("id", "uuid")
_CASE = Column("case_no", "text")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to see in clear."""

    entity: str
    id: str
    #: Names as in the manifest.
    fields: tuple[str, ...]
    purpose: str
    case: str
    reason: str


@dataclass(slots=True)
class Unmasking:
    """One wish: granted, or refused with a typed error. `entry` is the audit line of either, as far as it got."""

    world: World
    access: AccessModel
    opener: Opener
    database: Database
    actor: Actor
    now: datetime
    entry: Entry = field(init=False)

    def __post_init__(self) -> None:
        self.entry = Entry(self.actor, "unmask")

    async def values(self, wish: Wish) -> dict[str, Any]:
        """Values by field name, as the API prints them. The caller must still record `entry`."""
        entity = self._entity(wish.entity)
        fields = self._fields(entity, wish.fields)
        purpose = self._purpose(entity, wish)
        self.entry = replace(self.entry, purpose=purpose, detail=wish.reason)
        if not await self._is_case(wish.case):
            raise _refused(("case",), "没有这件办件，或者与您无关", "unmask.case")
        self.entry = replace(self.entry, case=wish.case)
        return await self._read(entity, wish.id, fields)

    def _entity(self, key: str) -> Entity:
        entity = self.world.entity(key)
        if entity is None or not self.access.rules(self.actor.roles, entity.key, "read"):
            raise PermissionDeniedError("没有查看原文的权限")
        self.entry = replace(self.entry, entity=entity.key)
        return entity

    def _fields(self, entity: Entity, names: Sequence[str]) -> list[Field]:
        """All of them must be open to some rule of the caller, whatever the row."""
        if not 1 <= len(set(names)) <= FIELDS_MAX:
            raise _refused(("fields",), f"应为 1 到 {FIELDS_MAX} 个字段", "unmask.fields")
        by_name = {name: f for f in entity.fields.values() for name in (f.name, f.graphql_name)}
        found = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
        rules = self.access.rules(self.actor.roles, entity.key, "read")
        self.entry = replace(self.entry, fields=tuple(f.name for f in found))
        if plain := [f.title for f in found if not is_sensitive(f)]:
            raise _refused(("fields",), f"{'、'.join(plain)}不打码，直接查询即可", "unmask.plain")
        open_ones = [f for f in found if not self.access.may_unmask(rules, f, entity).clear.never]
        if len(open_ones) < len(set(names)):
            raise PermissionDeniedError(f"没有查看{entity.title}这些字段原文的权限")
        return found

    def _purpose(self, entity: Entity, wish: Wish) -> str:
        """ "plugin.purpose", of the entity's own plugin or of the core."""
        if not REASON_CHARS[0] <= len(wish.reason.strip()) <= REASON_CHARS[1]:
            raise _refused(("reason",), f"理由应为 {REASON_CHARS[0]} 到 {REASON_CHARS[1]} 个字", "unmask.reason")
        if _LONG_NUMBER.search(wish.reason):
            raise _refused(("reason",), "理由里不要写证件号、电话等号码", "unmask.reason-number")
        plugin_id, _, name = wish.purpose.rpartition(".")
        for id in dict.fromkeys((entity.plugin_id, FOUNDATION)):
            plugin = self.world.plugins.get(id)
            if plugin and plugin_id in ("", id) and name in plugin.purposes:
                return f"{id}.{name}"
        raise _refused(("purpose",), "没有声明过这个用途", "unmask.purpose")

    async def _is_case(self, number: str) -> bool:
        """A case the host has numbered, and one the caller may see or takes part in."""
        statement = self._statement()
        mark = statement.params.add(Const(number), _CASE)
        found = [sql for entity in self.world.entities.values() for sql in self._case_of(statement, entity, mark)]
        if not found:
            return False
        return await self._ask(f"SELECT 1 WHERE {' OR '.join(found)}", statement) is not None

    def _case_of(self, statement: Statement, entity: Entity, mark: str) -> list[str]:
        number = entity.fields.get(entity.case)
        if not isinstance(number, Numbered):
            return []
        rules = self.access.rules(self.actor.roles, entity.key, "read")
        rows = Rows(statement, Access(self.access, self.actor.roles), entity, rules, listed=False)
        # By the number, so the rule is a check of the rows found.
        here = f"{rows.scope.name(number.name)} = {mark}"
        takes_part = rows.scope.sql(Call("participates", (Path((number.name,)),)))
        live = f"{rows.scope.name('deleted_at')} IS NULL"
        ways = [f"({live} AND {takes_part})"]
        if rules and not rows.view(number).clear.never:
            ways.append(f"({rows.predicate(by_key=True)} AND {rows.view(number).clear.sql(rows.scope)})")
        return [f"EXISTS (SELECT 1 FROM {rows.source} WHERE {here} AND ({' OR '.join(ways)}))"]

    async def _read(self, entity: Entity, id: str, fields: Sequence[Field]) -> dict[str, Any]:
        statement = self._statement()
        statement.sights.begin("", entity)
        rows = Rows.root(statement, Access(self.access, self.actor.roles, unmasks=True), entity, listed=False)
        mark = statement.params.add(Const(canonical_id(id)), _ID)
        pairs = [(f.name, rows.printed(f)) for f in fields]
        source = f"{rows.source} WHERE {rows.scope.name('id')} = {mark} AND {rows.predicate(by_key=True)}"
        text = await self._ask(f"SELECT {statement.json.object([*pairs, *rows.seen(fields)], source)}", statement)
        if text is None:
            raise NotFoundError(f"没有这一行{entity.title}，或者您看不到")
        values: dict[str, Any] = orjson.loads(text)
        shown = self.opener.look(statement.sights, statement.sights.current, values, raising)
        self.entry = shown.told(self.entry, canonical_id(id))
        if not {f.name for f in fields} <= shown.fields.keys():
            raise PermissionDeniedError(f"没有查看这一行{entity.title}原文的权限")
        return values

    def _statement(self) -> Statement:
        return Statement.start(self.database.dialect, self.world, self.opener.vault)

    async def _ask(self, sql: str, statement: Statement) -> Any:
        plan = Plan.of(sql, statement, self.opener)
        return await self.database.fetch_value(plan.text(self.actor), plan.bind(self.actor, {}, self.now))


def _refused(path: tuple[str, ...], message: str, id: str) -> InvalidInputError:
    return InvalidInputError("不能查看原文", (InputProblem(path, message, id),))
