"""Root field of a row's history: who changed what and when, as far as the caller sees the row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import InvalidInputError, NotFoundError

from core.api.compose import Roots
from core.api.scalars import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from core.read.history import NEWEST, History, Version


@strawberry.type(description="一行数据的一次改动。")
class EntityVersion:
    version: int = strawberry.field(description="改动后的版本。")
    action: str = strawberry.field(description="create、update 或 delete。")
    at: datetime = strawberry.field(description="时间（UTC）。")
    why: str = strawberry.field(description="原因；没有说明的为空。")
    actor: str | None = strawberry.field(description="改动的账号；无权知道时为空。")
    principal: strawberry.ID | None = strawberry.field(description="代谁办理（人口的标识）；为自己办理时为空。")
    before: JSON | None = strawberry.field(description="改动前：改了的、您看得到的字段；按您的权限打码。")
    after: JSON | None = strawberry.field(description="改动后：同上。")
    masked_fields: list[str] = strawberry.field(description="对您打了码的字段的名字。")


@strawberry.type(description="一行数据的历史，新的在前。")
class EntityHistory:
    nodes: list[EntityVersion] = strawberry.field(description="本页各次改动。")
    has_next_page: bool = strawberry.field(description="还有没有更早的。")
    end_cursor: int | None = strawberry.field(description="下一页的 after。")


async def _history(
    info: strawberry.Info, entity: str, id: strawberry.ID, first: int = PAGE_SIZE_DEFAULT, after: int | None = None
) -> EntityHistory:
    context: Any = info.context
    if not 1 <= first <= PAGE_SIZE_MAX:
        raise InvalidInputError(f"first 应为 1 到 {PAGE_SIZE_MAX}")
    generation = context.generation
    found = generation.world.entity(entity)
    if found is None or not found.history:
        raise NotFoundError("没有这种数据，或者不留历史")
    history = History(generation.world, generation.access, generation.reader.opener, context.database)
    versions = await history.page(context.actor, found, str(id), first, NEWEST if after is None else after, context.now)
    nodes = [_version(version) for version in versions[:first]]
    return EntityHistory(
        nodes=nodes, has_next_page=len(versions) > first, end_cursor=nodes[-1].version if nodes else None
    )


def _version(found: Version) -> EntityVersion:
    return EntityVersion(
        version=found.version, action=found.action, at=found.at, why=found.why, actor=found.actor or None,
        principal=None if found.principal is None else strawberry.ID(found.principal),
        before=None if found.before is None else JSON(found.before),
        after=None if found.after is None else JSON(found.after),
        masked_fields=list(found.masked),
    )  # fmt: skip


@strawberry.type
class Query:
    entity_history: EntityHistory = strawberry.field(
        resolver=_history,
        description="一行数据的历史；看不到这一行的人看不到它的历史，已删除的行只有可以删除它的人看得到。",
    )


def history_roots() -> Roots:
    return Roots(Query)
