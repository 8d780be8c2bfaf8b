"""Mutations of one manifest field without graphql-core's executor: write, then one statement that reads back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import DocumentNode
from graphql.execution import VariableValues
from graphql.execution.values import get_argument_values
from tongban_sdk.actor import Actor
from tongban_sdk.errors import RequestError

from core.api.mutations import written_id
from core.read.reader import ReadBack
from core.store.database import Database


class ReadBackFailed(Exception):
    """The row is written, but could not be read: nobody may write it again."""


@dataclass(frozen=True, slots=True)
class CompiledWrite:
    """One mutation with the values of one request. A RequestError of `run` means that nothing was written."""

    back: ReadBack
    arguments: dict[str, Any]
    generation: Any

    async def run(self, database: Database, actor: Actor) -> bytes:
        """The bytes of `data`."""
        root = self.back.root
        id = await written_id(self.generation.writer, actor, root, self.arguments)
        if root.kind == "delete":
            text = orjson.dumps(id)
        else:
            text = await self._read(database, actor, id)
        return b"{%b:%b}" % (orjson.dumps(self.back.key), text)

    async def _read(self, database: Database, actor: Actor, id: str) -> bytes:
        if self.back.plan is None:
            return b"null"
        try:
            arguments = self.back.plan.bind(actor, {**self.back.variables, ReadBack.ID: id})
            text: str | None = await database.fetch_value(self.back.plan.text(actor), arguments)
        except RequestError as error:
            raise ReadBackFailed from error
        return b"null" if text is None else text.encode()


def compile_write(
    generation: Any, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any], actor: Actor
) -> CompiledWrite | None:
    """None: take the ordinary path, which also words every error."""
    back: ReadBack | None = generation.reader.compile_back(document, operation_name, variables, actor)
    if back is None:
        return None
    arguments = get_argument_values(back.field, back.node, VariableValues({}, dict(back.variables)))
    return CompiledWrite(back, arguments, generation)
