"""One row as a caller sees it, read by the planner like everything else: masks, conditions and the audit hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from graphql import DocumentNode, parse
from tongban_sdk.actor import Actor

from core.fields import all_fields
from core.fields.places import Point
from core.fields.refs import Ref
from core.manifest.model import Entity
from core.read.reader import Reader
from core.store.database import Database


async def read_one(
    reader: Reader, database: Database, actor: Actor, entity: Entity, id: str, names: Collection[str]
) -> Mapping[str, Any] | None:
    """Values by their name in the API, of refs the id, with "updatedAt" and "maskedFields"; None without sight of the
    row, or of one of the fields."""
    text = f"query($id: ID!) {{ row: {entity.query_name}(id: $id) {{ {' '.join(picks(entity, names))} }} }}"
    answer = await ask(reader, database, actor, text, {"id": id})
    found: Mapping[str, Any] | None = answer
    return found


async def ask(reader: Reader, database: Database, actor: Actor, text: str, variables: Mapping[str, Any]) -> Any:
    """What stands under "row" in the answer; None when the caller may not ask."""
    compiled = reader.compile(document(text), None, variables, actor)
    if compiled is None:
        return None
    return orjson.loads(await compiled.run(database, actor, variables))["row"]


def picks(entity: Entity, names: Collection[str]) -> Iterator[str]:
    for name in names:
        match all_fields(entity)[name]:
            case Ref() as ref:
                yield key_of(ref)
            case Point() as point:
                yield f"{point.graphql_name} {{ lng lat crs }}"
            case field:
                yield field.graphql_name
    yield from ("updatedAt", "maskedFields")


def key_of(field: Any) -> str:
    """Where its value stands in the answer."""
    return f"{field.graphql_name}Id" if isinstance(field, Ref) else str(field.graphql_name)


@lru_cache(maxsize=1000)
def document(text: str) -> DocumentNode:
    # The reader knows an operation by its document: one text is one document.
    return parse(text, no_location=True)
