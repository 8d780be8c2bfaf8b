"""Root field of the civil servant who needs one masked value: purpose, case and reason first, an audit line always."""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import replace
from typing import Any

import strawberry
from strawberry.scalars import JSON

from core.api.compose import Roots
from core.api.refusals import code_of, tell_refusal
from core.audit.call import audited
from core.identity.required import require_login
from core.read.unmasking import Unmasking, Wish


@strawberry.type(description="一个字段的原文。")
class UnmaskedValue:
    field: str = strawberry.field(description="字段名。")
    value: JSON | None = strawberry.field(description="原文；没有填写的为空。")


@strawberry.type(description="一行数据中几个字段的原文；谁、为什么、依据哪件办件已写入审计，本人随时可查。")
class Unmasked:
    entity: str = strawberry.field(description="实体，如 core.person。")
    id: strawberry.ID = strawberry.field(description="行的标识。")
    values: list[UnmaskedValue] = strawberry.field(description="各字段的原文。")


async def _unmask(
    info: strawberry.Info, entity: str, id: strawberry.ID, fields: list[str], purpose: str, case: str, reason: str
) -> Unmasked:
    context: Any = info.context
    host, actor = context.host, require_login(context.actor)
    audited()
    generation = context.generation
    wish = Unmasking(generation.world, generation.access, generation.reader.opener, host.database, actor, context.now)
    try:
        await host.login.parts.quotas.take("unmask_account", actor.id)
        values = await wish.values(Wish(entity, str(id), tuple(fields), purpose, case, reason))
    except (Exception, CancelledError) as error:
        await tell_refusal(host, replace(wish.entry, result=code_of(error)))
        raise
    # Before the answer leaves: without this line nothing is shown.
    await host.audit.record(wish.entry)
    return Unmasked(entity=entity, id=id, values=[UnmaskedValue(field=f, value=v) for f, v in values.items()])


@strawberry.type
class Mutation:
    unmask: Unmasked = strawberry.mutation(
        resolver=_unmask,
        description="查看打了码的字段的原文：须说明用途、办件编号和理由；每个账号每小时至多 30 次，成败都写入审计。",
    )


def unmask_roots() -> Roots:
    return Roots(mutation=Mutation)
