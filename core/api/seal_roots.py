"""Root fields of electronic seals, for the security administrator: what there is, stop one, make the next."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from core.api.compose import Roots
from core.documents.seals import Seal as Row
from core.identity.required import require_role

KEEPERS = frozenset({"security_admin"})
REFUSAL = "只有安全管理员可以管理电子印章"


@strawberry.type(description="一个单位的电子印章。")
class Seal:
    id: strawberry.ID = strawberry.field(description="标识。")
    unit: str = strawberry.field(description="单位。")
    uscc: str = strawberry.field(description="单位的统一社会信用代码。")
    number: int = strawberry.field(description="本单位的第几枚。")
    serial: str = strawberry.field(description="证书的序列号，十六进制。")
    certificate: str = strawberry.field(description="X.509 证书，PEM；导入阅读器后可离线验章。")
    made_at: datetime = strawberry.field(description="制章时间。")
    stopped_at: datetime | None = strawberry.field(description="停用时间。")


Id = Annotated[strawberry.ID, strawberry.argument(description="印章的标识。")]


async def _seals(info: strawberry.Info) -> list[Seal]:
    require_role(info.context.actor, KEEPERS, REFUSAL)
    return [_seal(row) for row in await info.context.host.documents.seals.all()]


async def _stop(info: strawberry.Info, id: Id) -> Seal:
    actor = info.context.actor
    require_role(actor, KEEPERS, REFUSAL)
    return _seal(await info.context.host.documents.seals.stop(actor, id))


async def _replace(info: strawberry.Info, id: Id) -> Seal:
    actor = info.context.actor
    require_role(actor, KEEPERS, REFUSAL)
    return _seal(await info.context.host.documents.seals.replace(actor, id))


@strawberry.type
class Query:
    seals: list[Seal] = strawberry.field(resolver=_seals, description="各单位的电子印章；安全管理员。")


@strawberry.type
class Mutation:
    stop_seal: Seal = strawberry.mutation(
        resolver=_stop, description="停用印章：不再盖章，等着盖章的文书留待新章；已盖的不变。安全管理员。"
    )
    replace_seal: Seal = strawberry.mutation(
        resolver=_replace, description="停用印章，给同一单位制一枚新的。安全管理员。"
    )


def seal_roots() -> Roots:
    return Roots(Query, Mutation)


def _seal(row: Row) -> Seal:
    return Seal(
        id=strawberry.ID(row.id), unit=row.unit, uscc=row.uscc, number=row.number, serial=row.serial,
        certificate=row.certificate, made_at=row.made_at, stopped_at=row.stopped_at,
    )  # fmt: skip
