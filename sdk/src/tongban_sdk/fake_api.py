"""The HostApi of the fake host: rows as JSON in one SQLite table, checked by types, roles and the plugin's own hook."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    from tongban_sdk.fake import FakeHost, FakePlugin

#: Python form of a JSON value by field type; text for all others.
_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "integer": int, "boolean": bool, "list": list, "json": object, "decimal": (str, int), "money": (str, int),
    "point": dict, "polygon": dict,
}  # fmt: skip


class FakeApi:
    """See `tongban_sdk.HostApi` for the contract of each method."""

    def __init__(self, host: FakeHost, actor: Actor) -> None:
        self._host = host
        self._db = host.db
        self._actor = actor

    @property
    def actor(self) -> Actor:
        return self._actor

    async def read(self, entity: str, id: str) -> Mapping[str, Any] | None:
        self._declaration(entity)
        self._demand(entity, "read")
        return self._row(entity, id)

    async def find(
        self, entity: str, where: Mapping[str, Any] | None = None, *, first: int = 20
    ) -> list[Mapping[str, Any]]:
        _, declared = self._declaration(entity)
        unknown = sorted(set(where or ()) - set(declared["fields"]) - {"id", "version"})
        if unknown:
            raise InvalidInputError(
                "条件里有不存在的字段", [_problem(n, "没有这个字段", "input.unknown") for n in unknown]
            )
        if not 1 <= first <= 100:
            raise InvalidInputError("first 应为 1 到 100")
        self._demand(entity, "read")
        text = "SELECT id FROM row WHERE entity = ? AND NOT deleted ORDER BY rowid"
        rows = [self._row(entity, id) for (id,) in self._db.execute(text, [entity])]
        wanted = (where or {}).items()
        found: list[Mapping[str, Any]] = [row for row in rows if row and all(row[k] == v for k, v in wanted)]
        return found[:first]

    async def create(
        self, entity: str, values: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Mapping[str, Any]:
        plugin, declared = self._declaration(entity)
        self._demand(entity, "create")
        key = idempotency_key and f"{self._actor.id}:{idempotency_key}"
        if key and (before := self._remembered(key, entity, values)):
            return before
        given = {name: values.get(name, field.get("default")) for name, field in declared["fields"].items()}
        _check(declared, {**values, **given}, given)
        id = str(uuid.uuid4())
        await self._guard(plugin, entity, id, "create", 1, {}, given)
        self._db.execute("INSERT INTO row VALUES (?, ?, 1, 0, ?)", [id, entity, json.dumps(given)])
        if key:
            self._db.execute("INSERT INTO idempotency VALUES (?, ?, ?)", [key, _text(entity, values), id])
        return self._written(entity, id, "create", 1)

    async def update(self, entity: str, id: str, version: int, patch: Mapping[str, Any]) -> Mapping[str, Any]:
        plugin, declared = self._declaration(entity)
        before = self._current(entity, id, version, "update")
        after = {name: patch.get(name, before[name]) for name in declared["fields"]}
        _check(declared, {**patch, **after}, after)
        await self._guard(plugin, entity, id, "update", version + 1, before, after)
        self._db.execute("UPDATE row SET field_values = ?, version = version + 1 WHERE id = ?", [json.dumps(after), id])
        return self._written(entity, id, "update", version + 1)

    async def delete(self, entity: str, id: str, version: int) -> None:
        plugin, _ = self._declaration(entity)
        before = self._current(entity, id, version, "delete")
        await self._guard(plugin, entity, id, "delete", version + 1, before, {})
        self._db.execute("UPDATE row SET deleted = 1, version = version + 1 WHERE id = ?", [id])
        self._event(entity, id, "delete", version + 1)

    async def schedule(
        self, job: str, args: Mapping[str, Any] | None = None, *, delay_s: float = 0.0, key: str | None = None
    ) -> str:
        return self._host.schedule(job, args or {}, delay_s, key)

    async def call(self, capability: str, args: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        offer = self._host.offers.get(capability)
        if offer is None:
            raise NotFoundError(f"没有共享能力 {capability}")
        return await offer(self._actor, args or {})

    def _declaration(self, entity: str) -> tuple[FakePlugin, Mapping[str, Any]]:
        plugin_id, _, name = entity.partition(".")
        plugin = self._host.plugins.get(plugin_id)
        if plugin is None or name not in plugin.entities:
            raise NotFoundError(f"没有实体 {entity}")
        return plugin, plugin.entities[name]

    def _may(self, entity: str, action: str) -> bool:
        plugin_id, _, name = entity.partition(".")
        return any(
            rule["role"] in self._actor.roles and rule["entity"] in (name, entity) and action in rule["can"]
            for rule in self._host.plugins[plugin_id].rules
        )

    def _demand(self, entity: str, action: str) -> None:
        if not self._may(entity, action):
            if self._actor.kind == "anonymous":
                raise NotAuthenticatedError("请先登录")
            raise PermissionDeniedError("没有权限")

    def _current(self, entity: str, id: str, version: int, action: str) -> Mapping[str, Any]:
        row = self._row(entity, id)
        if row is None or not self._may(entity, "read"):
            raise NotFoundError("没有这条记录")
        self._demand(entity, action)
        if row["version"] != version:
            raise ConflictError("记录已被他人修改")
        return row

    def _row(self, entity: str, id: str) -> dict[str, Any] | None:
        text = "SELECT version, field_values FROM row WHERE entity = ? AND id = ? AND NOT deleted"
        found = self._db.execute(text, [entity, id]).fetchone()
        return {"id": id, "version": found[0], **json.loads(found[1])} if found else None

    def _remembered(self, key: str, entity: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = self._db.execute("SELECT input, id FROM idempotency WHERE key = ?", [key]).fetchone()
        if found is None:
            return None
        if found[0] != _text(entity, values):
            raise ConflictError("幂等键已用于别的内容")
        return self._row(entity, found[1])

    async def _guard(
        self, plugin: FakePlugin, entity: str, id: str, action: ChangeAction, version: int,
        before: Mapping[str, Any], after: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._keep_unique(plugin, entity, id, after)
        change = Change(
            entity=entity, id=id, action=action, version=version, actor=self._actor, before=before, after=after
        )
        await self._host.call(plugin, "check_change", change=change, host=self)

    def _keep_unique(self, plugin: FakePlugin, entity: str, id: str, after: Mapping[str, Any]) -> None:
        declared = plugin.entities[entity.partition(".")[2]]
        keys = [tuple(names) for names in declared.get("unique", ())]
        keys += [(name,) for name, field in declared["fields"].items() if field.get("unique")]
        for other, text in self._db.execute(
            "SELECT id, field_values FROM row WHERE entity = ? AND NOT deleted", [entity]
        ):
            row = json.loads(text)
            for key in keys:
                if other != id and after and all(after[n] is not None and after[n] == row[n] for n in key):
                    raise ConflictError(f"{'、'.join(key)} 已被占用")

    def _written(self, entity: str, id: str, action: ChangeAction, version: int) -> Mapping[str, Any]:
        self._event(entity, id, action, version)
        row = self._row(entity, id) if self._may(entity, "read") else None
        return row or {"id": id, "version": version}

    def _event(self, entity: str, id: str, action: ChangeAction, version: int) -> None:
        text = "INSERT INTO event (entity, id, action, version, actor) VALUES (?, ?, ?, ?, ?)"
        self._db.execute(text, [entity, id, action, version, self._actor.id])


def _check(declared: Mapping[str, Any], given: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    fields: Mapping[str, Mapping[str, Any]] = declared["fields"]
    problems = [_problem(name, "没有这个字段", "input.unknown") for name in given if name not in fields]
    for name, value in after.items():
        if value is None:
            if fields[name].get("required"):
                problems.append(_problem(name, "必填", "input.required"))
        elif not _fits(fields[name], value):
            problems.append(_problem(name, "类型或取值不对", "input.type"))
    if problems:
        raise InvalidInputError("输入有误", problems)


def _fits(field: Mapping[str, Any], value: Any) -> bool:
    if field["type"] == "enum":
        return value in field["values"]
    expected = _JSON_TYPES.get(field["type"], str)
    return isinstance(value, expected) and (field["type"] == "boolean" or not isinstance(value, bool))


def _problem(name: str, message: str, id: str) -> InputProblem:
    return InputProblem((name,), message, id)


def _text(entity: str, values: Mapping[str, Any]) -> str:
    return json.dumps([entity, dict(values)], sort_keys=True)
