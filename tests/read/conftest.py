"""A host without doors: world, rules, schema, reader and a filled database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute, parse, validate
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.api.compose import Composer, HostSchema
from core.manifest.model import World
from core.read import Reader, RequestContext
from core.store.database import Database
from tests.read.county import county, fill
from tests.worlds import small_world

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class FakeGeneration:
    world: World
    access: AccessModel
    reader: Reader
    schema: HostSchema
    writer: Any = None


class House:
    """Asks both paths the same."""

    def __init__(self, generation: FakeGeneration, database: Database) -> None:
        self.generation = generation
        self.database = database

    @property
    def schema(self) -> GraphQLSchema:
        return self.generation.schema._schema

    def document(self, text: str) -> DocumentNode:
        document = parse(text)
        assert validate(self.schema, document) == []
        return document

    async def ordinary(
        self,
        text: str | DocumentNode,
        actor: Actor,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> ExecutionResult:
        document = self.document(text) if isinstance(text, str) else text
        context = RequestContext(self.generation, actor, self.database, NOW)
        result = execute(
            self.schema, document, context_value=context, variable_values=dict(variables or {}), operation_name=name
        )
        return result if isinstance(result, ExecutionResult) else await result

    async def compiled(
        self,
        text: str | DocumentNode,
        actor: Actor,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> bytes | None:
        document = self.document(text) if isinstance(text, str) else text
        compiled = self.generation.reader.compile(document, name, variables or {}, actor, now=NOW)
        return await compiled.run(self.database, actor, variables or {}) if compiled else None

    async def ask(self, text: str, actor: Actor, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of the ordinary path, which must not contain errors."""
        result = await self.ordinary(text, actor, variables)
        assert result.errors is None
        return result.data


@pytest.fixture
async def house(database: Database) -> House:
    world = small_world()
    access = AccessModel(world)
    schema = await Composer()(world, {})
    reader = Reader(world, access)
    reader.use(schema._schema, database.dialect)
    await fill(database, world, county())
    return House(FakeGeneration(world, access, reader, schema), database)
