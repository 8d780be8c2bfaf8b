"""Root fields of the wallet: e-licences, showing one, letting a unit look, looking."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.api.compose import Roots
from core.api.document_roots import DocumentValidity
from core.api.measure import LOOKS_AT_SECRET
from core.documents.documents import validity
from core.documents.rows import Document
from core.documents.wallet import Grant
from core.documents.wallet import Licence as Seen


@strawberry.type(description="证照夹里的一份电子证照。")
class Licence:
    number: strawberry.ID = strawberry.field(description="编号。")
    licence_type: str = strawberry.field(description="证照类型，如 residence_certificate。")
    title: str = strawberry.field(description="名称。")
    unit: str = strawberry.field(description="颁发单位。")
    issued_on: date = strawberry.field(description="颁发日期。")
    valid_to: date | None = strawberry.field(description="有效期的最后一天；空为长期。")
    validity: DocumentValidity = strawberry.field(description="是否有效。")


@strawberry.type(description="出示证照的二维码：一分钟内、扫一次有效。")
class ShownLicence:
    code: str = strawberry.field(description="二维码的内容；到期前再取一次，前一个随即作废。")
    expires_at: datetime = strawberry.field(description="到这一刻失效。")


@strawberry.type(description="查验到的证照。")
class SeenLicence:
    licence: Licence = strawberry.field(description="证照。")
    paragraphs: list[str] = strawberry.field(description="证照上的文字。")


@strawberry.type(description="对一个单位的用证授权。")
class LicenceGrant:
    id: strawberry.ID = strawberry.field(description="标识。")
    unit: strawberry.ID = strawberry.field(description="单位（core.org_unit）。")
    purpose: str = strawberry.field(description="用途。")
    granted_at: datetime = strawberry.field(description="授权时间。")
    until: datetime = strawberry.field(description="到这一刻为止。")
    revoked_at: datetime | None = strawberry.field(description="撤回时间。")


Number = Annotated[strawberry.ID, strawberry.argument(description="证照编号。")]
GrantId = Annotated[strawberry.ID, strawberry.argument(description="授权的标识。")]


async def _mine(info: strawberry.Info) -> list[Licence]:
    return [_licence(document) for document in await info.context.host.wallet.mine(info.context.actor)]


async def _grants(info: strawberry.Info) -> list[LicenceGrant]:
    return [_grant(grant) for grant in await info.context.host.wallet.grants(info.context.actor)]


async def _granted(info: strawberry.Info) -> list[LicenceGrant]:
    return [_grant(grant) for grant in await info.context.host.wallet.granted(info.context.actor)]


async def _show(info: strawberry.Info, number: Number) -> ShownLicence:
    shown = await info.context.host.wallet.show(info.context.actor, number)
    return ShownLicence(code=shown.code, expires_at=shown.expires_at)


async def _scan(
    info: strawberry.Info, code: Annotated[str, strawberry.argument(description="扫到的内容。")]
) -> SeenLicence:
    return _seen(await info.context.host.wallet.scan(info.context.actor, code))


async def _authorise(
    info: strawberry.Info, number: Number,
    unit: Annotated[strawberry.ID, strawberry.argument(description="单位（core.org_unit）。")],
    purpose: Annotated[str, strawberry.argument(description="用途，至多 100 个字。")],
    until: Annotated[datetime, strawberry.argument(description="到这一刻为止，最长一年。")],
) -> LicenceGrant:  # fmt: skip
    return _grant(await info.context.host.wallet.grant(info.context.actor, number, unit, purpose, until))


async def _end(info: strawberry.Info, id: GrantId) -> strawberry.ID:
    await info.context.host.wallet.end_grant(info.context.actor, id)
    return id


async def _use(info: strawberry.Info, id: GrantId) -> SeenLicence:
    return _seen(await info.context.host.wallet.use(info.context.actor, id))


@strawberry.type
class Query:
    my_licences: list[Licence] = strawberry.field(
        resolver=_mine, description="本人（或所代表的单位）的电子证照，新的在前；过期和撤销的也在。"
    )
    my_licence_grants: list[LicenceGrant] = strawberry.field(resolver=_grants, description="本人给出的用证授权。")
    granted_licences: list[LicenceGrant] = strawberry.field(
        resolver=_granted, description="群众授权给本单位、现在可以查看的。"
    )


@strawberry.type
class Mutation:
    show_licence: ShownLicence = strawberry.mutation(resolver=_show, description="亮证：取一个出示用的二维码。")
    scan_licence: SeenLicence = strawberry.mutation(
        resolver=_scan, metadata=LOOKS_AT_SECRET,
        description="工作人员扫码查验；每个码一次，本人在“谁看过我的数据”里看得到。",
    )  # fmt: skip
    authorise_licence: LicenceGrant = strawberry.mutation(
        resolver=_authorise, description="授权一个单位为一个用途查看证照，到期自动失效。"
    )
    end_licence_grant: strawberry.ID = strawberry.mutation(resolver=_end, description="撤回用证授权，立即生效。")
    use_licence: SeenLicence = strawberry.mutation(
        resolver=_use, description="本单位的工作人员凭授权查看证照；每次留痕，本人看得到。"
    )


def licence_roots() -> Roots:
    return Roots(Query, Mutation)


def _licence(document: Document) -> Licence:
    return Licence(
        number=strawberry.ID(document.number), licence_type=document.licence, title=document.title,
        unit=document.unit, issued_on=document.issued_on, valid_to=document.valid_to,
        validity=DocumentValidity(validity(document)),
    )  # fmt: skip


def _seen(found: Seen) -> SeenLicence:
    return SeenLicence(licence=_licence(found.document), paragraphs=list(found.paragraphs))


def _grant(grant: Grant) -> LicenceGrant:
    return LicenceGrant(
        id=strawberry.ID(grant.id), unit=strawberry.ID(grant.org), purpose=grant.purpose,
        granted_at=grant.granted_at, until=grant.until, revoked_at=grant.revoked_at,
    )  # fmt: skip
