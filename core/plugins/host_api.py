"""The host as plugin code sees it: the same rules, masks, planner and write pipeline as every other caller."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLField,
    GraphQLObjectType,
    execute,
    get_named_type,
    is_leaf_type,
    parse,
)
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, NotFoundError, UnavailableError
from tongban_sdk.host_api import Row

from core.fields import all_fields
from core.fields.refs import Ref
from core.jobs.queue import NewJob
from core.manifest.model import Entity
from core.read.context import RequestContext
from core.write.offers import call

if TYPE_CHECKING:
    from core.plugins.generation import Generation

FIRST_MAX = 100


@lru_cache(maxsize=512)
def _parsed(query: str) -> DocumentNode:
    """One document per text: the reader keeps its plans by document."""
    return parse(query)


class GenerationApi:
    """See `tongban_sdk.HostApi` for the contract of each method."""

    def __init__(self, generation: Generation, actor: Actor) -> None:
        self._generation = generation
        self._actor = actor

    @property
    def actor(self) -> Actor:
        return self._actor

    async def read(self, entity: str, id: str) -> Row | None:
        found = self._entity(entity)
        query = f"query Read($id: ID!) {{ rows: {found.query_name}(id: $id) {{ {self._selection(found)} }} }}"
        return await self._query(query, {"id": id})  # type: ignore[no-any-return]  # JSON

    async def find(self, entity: str, where: Mapping[str, Any] | None = None, *, first: int = 20) -> list[Row]:
        found = self._entity(entity)
        if not 1 <= first <= FIRST_MAX:
            raise InvalidInputError(f"first 应为 1 到 {FIRST_MAX}")
        query = (
            f"query Find($where: {found.type_name}Where, $first: PageSize) {{ "
            f"rows: {found.list_name}(where: $where, first: $first, orderBy: [{{field: createdAt}}]) "
            f"{{ nodes {{ {self._selection(found)} }} }} }}"
        )
        answer = await self._query(query, {"where": _where(found, where or {}), "first": first})
        return answer["nodes"] if answer else []

    async def create(self, entity: str, values: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
        found = self._entity(entity)
        _check_names(found, values)
        written = await self._generation.writer.create(self._actor, found, values, idempotency_key=idempotency_key)
        return await self._written(entity, written.id, written.version)

    async def update(self, entity: str, id: str, version: int, patch: Mapping[str, Any]) -> Row:
        found = self._entity(entity)
        _check_names(found, patch)
        written = await self._generation.writer.update(self._actor, found, id, version, patch)
        return await self._written(entity, written.id, written.version)

    async def delete(self, entity: str, id: str, version: int) -> None:
        await self._generation.writer.delete(self._actor, self._entity(entity), id, version)

    async def schedule(
        self, job: str, args: Mapping[str, Any] | None = None, *, delay_s: float = 0.0, key: str | None = None
    ) -> str:
        plugin_id, _, name = job.partition(".")
        plugin = self._generation.world.plugins.get(plugin_id)
        if plugin is None or name not in plugin.jobs:
            raise NotFoundError(f"没有任务 {job}")
        new = NewJob(plugin_id=plugin_id, name=name, args=args or {}, delay_s=delay_s, dedupe=key and f"{job}:{key}")
        [id] = await self._generation.registry.jobs.queue.add([new])
        self._generation.registry.jobs.nudge()
        return id

    async def call(self, capability: str, args: Mapping[str, Any] | None = None) -> Row:
        return await call(self._generation.registry.offers, self._actor, capability, args or {})

    def _entity(self, key: str) -> Entity:
        entity = self._generation.world.entity(key)
        if entity is None:
            raise NotFoundError(f"没有实体 {key}")
        return entity

    async def _written(self, entity: str, id: str, version: int) -> Row:
        readable = self._generation.access.rules(self._actor.roles, entity, "read")
        return (await self.read(entity, id) if readable else None) or {"id": id, "version": version}

    def _selection(self, entity: Entity) -> str:
        """Every leaf of the entity under its manifest name; objects such as points with their own leaves."""
        type_ = self._generation.graphql.type_map[entity.type_name]
        assert isinstance(type_, GraphQLObjectType)
        return " ".join(filter(None, (_select(name, field) for name, field in type_.fields.items())))

    async def _query(self, query: str, variables: dict[str, Any]) -> Any:
        """The value of the one root field `rows`, by the compiled path where it can be compiled."""
        generation, database = self._generation, self._generation.registry.database
        document = _parsed(query)
        compiled = generation.reader.compile(document, None, variables, self._actor)
        if compiled is not None:
            return orjson.loads(await compiled.run(database, self._actor, variables))["rows"]
        context = RequestContext(generation=generation, actor=self._actor, database=database)
        running = execute(generation.graphql, document, variable_values=variables, context_value=context)
        result = running if isinstance(running, ExecutionResult) else await running
        if result.errors:
            raise result.errors[0].original_error or UnavailableError("读取失败")
        return (result.data or {}).get("rows")


def _select(name: str, field: GraphQLField) -> str:
    declared = (field.extensions or {}).get("field")
    if declared is None or (field.extensions or {}).get("ref") is not None:
        return ""
    type_ = get_named_type(field.type)
    if is_leaf_type(type_):
        return f"{declared.name}: {name}"
    if not isinstance(type_, GraphQLObjectType):
        return ""
    leaves = [key for key, leaf in type_.fields.items() if is_leaf_type(get_named_type(leaf.type))]
    return f"{declared.name}: {name} {{ {' '.join(leaves)} }}"


def _check_names(entity: Entity, given: Mapping[str, Any]) -> None:
    if unknown := sorted(set(given) - set(all_fields(entity))):
        problems = [InputProblem((name,), "没有这个字段", "input.unknown") for name in unknown]
        raise InvalidInputError(f"{entity.title}没有字段 {'、'.join(unknown)}", problems)


def _where(entity: Entity, where: Mapping[str, Any]) -> dict[str, Any]:
    _check_names(entity, where)
    fields = all_fields(entity)
    filters: dict[str, Any] = {}
    for name, value in where.items():
        field = fields[name]
        key = f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name
        filters[key] = {"isNull": True} if value is None else {"eq": value}
    return filters
