"""Rows of an entity as a stream, page by page, planned like any other list: same rights, same masks, same text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
from graphql import DocumentNode, parse
from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError

from core.fields.base import Field
from core.manifest.model import Entity
from core.read.reader import Reader
from core.store.database import Database

PAGE_ROWS = 100


async def export_rows(
    reader: Reader,
    database: Database,
    actor: Actor,
    entity: Entity,
    fields: Sequence[str],
    *,
    where: Mapping[str, Any] | None = None,
    order_by: Sequence[Mapping[str, str]] = (),
) -> AsyncIterator[dict[str, Any]]:
    """Rows by GraphQL field name, as the API would answer them. Memory holds one page, whatever the number of rows.

    What a page shows in clear of L3 is one line of the audit. L4 leaves the system through an approved exchange only,
    and nothing declares one yet: asking for it is refused.
    """
    asked = {name.partition(" ")[0] for name in fields}
    if secret := [f.title for f in entity.fields.values() if f.level == "L4" and _names(f) & asked]:
        raise PermissionDeniedError(f"敏感个人信息不能导出：{'、'.join(secret)}")
    document = _document(entity, fields)
    variables: dict[str, Any] = {"where": where, "orderBy": list(order_by), "after": None}
    while True:
        compiled = reader.compile(document, None, variables, actor)
        if compiled is None:
            raise PermissionDeniedError(f"不能导出{entity.title}：没有权限，或筛选、排序的写法无效")
        page = orjson.loads(await compiled.run(database, actor, variables))[entity.list_name]
        for row in page["nodes"]:
            yield row
        if not page["pageInfo"]["hasNextPage"]:
            return
        variables["after"] = page["pageInfo"]["endCursor"]


def _names(field: Field) -> set[str]:
    return {field.graphql_name, f"{field.graphql_name}Id"}


def _document(entity: Entity, fields: Sequence[str]) -> DocumentNode:
    name = entity.type_name
    arguments = f"where: $where, orderBy: $orderBy, first: {PAGE_ROWS}, after: $after"
    page = f"nodes {{ {' '.join(fields)} }} pageInfo {{ hasNextPage endCursor }}"
    variables = f"$where: {name}Where, $orderBy: [{name}OrderBy!], $after: String"
    return parse(f"query({variables}) {{ {entity.list_name}({arguments}) {{ {page} }} }}")
