"""Mutations of one manifest field without graphql-core's executor: write, then one statement that reads back."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import DocumentNode
from graphql.execution import VariableValues
from graphql.execution.values import get_argument_values
from tongban_sdk.actor import Actor
from tongban_sdk.errors import RequestError, UnavailableError

from core.api.mutations import written_id
from core.api.refusals import refused_write, tell_refusal
from core.read.opener import as_null
from core.read.plan import ReadBack
from core.store.database import Database


class ReadBackFailed(Exception):
    """The row is written, but could not be read: nobody may write it again."""


@dataclass(frozen=True, slots=True)
class CompiledWrite:
    """One mutation with the values of one request. A RequestError of `run` means that nothing was written.

    The ordinary path repeats what was refused, and leaves the audit's line; what nobody repeats leaves it here.
    """

    back: ReadBack
    arguments: dict[str, Any]
    generation: Any

    async def run(self, database: Database, actor: Actor, host: Any = None) -> bytes:
        """The bytes of `data`."""
        root = self.back.root
        try:
            id = await written_id(self.generation.writer, actor, root, self.arguments)
        except (Exception, CancelledError) as error:
            if not isinstance(error, RequestError) or isinstance(error, UnavailableError):
                await tell_refusal(host, refused_write(actor, root, self.arguments.get("id"), error))
            raise
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
            return b"null" if text is None else await self.back.plan.body(text, actor, as_null)
        except RequestError as error:
            raise ReadBackFailed from error


def compile_write(
    generation: Any, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any], actor: Actor
) -> CompiledWrite | None:
    """None: take the ordinary path, which also words every error."""
    back: ReadBack | None = generation.reader.compile_back(document, operation_name, variables, actor)
    if back is None:
        return None
    arguments = get_argument_values(back.field, back.node, VariableValues({}, dict(back.variables)))
    return CompiledWrite(back, arguments, generation)
