"""Root fields of documents: is this one genuine, what a case has written out, take one back."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from tongban_sdk import PermissionDeniedError

from core.api.compose import Roots
from core.api.console import OPERATORS
from core.api.paging import check_first
from core.cases.rows import Case
from core.cases.who import is_applicant
from core.documents import Verdict
from core.documents.rows import Document
from core.identity.required import require_role


@strawberry.enum(description="文书是否有效。")
class DocumentValidity(Enum):
    VALID = strawberry.enum_value("valid", description="有效。")
    EXPIRED = strawberry.enum_value("expired", description="过了有效期。")
    REVOKED = strawberry.enum_value("revoked", description="已经撤销。")


@strawberry.enum(description="文书办到哪一步。")
class DocumentStatus(Enum):
    WAITING = strawberry.enum_value("waiting", description="正在印制。")
    ISSUED = strawberry.enum_value("issued", description="已经出具。")
    REVOKED = strawberry.enum_value("revoked", description="已经撤销。")


@strawberry.type(description="验证一份文书的结果：只说拿着文书的人本来就看得到的。")
class DocumentVerdict:
    validity: DocumentValidity = strawberry.field(description="是否有效。")
    title: str = strawberry.field(description="标题。")
    number: str = strawberry.field(description="编号。")
    unit: str = strawberry.field(description="出具单位。")
    holder: str = strawberry.field(description="发给谁：个人只显示姓氏，单位显示全称。")
    issued_on: date = strawberry.field(description="出具日期。")
    valid_to: date | None = strawberry.field(description="有效期的最后一天；空为长期。")
    revoked_at: datetime | None = strawberry.field(description="撤销时间。")
    seal: str = strawberry.field(description="电子印章证书的序列号，与 PDF 里的签名相同。")


@strawberry.type(description="办件出具的一份文书。")
class IssuedDocument:
    number: strawberry.ID = strawberry.field(description="编号。")
    title: str = strawberry.field(description="标题。")
    status: DocumentStatus = strawberry.field(description="办到哪一步。")
    file: strawberry.ID | None = strawberry.field(description="core.file 的标识，经 GET /files/{id} 下载；印制中为空。")
    issued_on: date = strawberry.field(description="出具日期。")
    valid_to: date | None = strawberry.field(description="有效期的最后一天；空为长期。")
    revoked_at: datetime | None = strawberry.field(description="撤销时间。")


@strawberry.type(description="没有印成的一份文书；系统每五分钟再试。")
class StuckDocument:
    number: strawberry.ID = strawberry.field(description="编号。")
    case: strawberry.ID = strawberry.field(description="办件编号。")
    template: str = strawberry.field(description="文书的模板。")
    made_at: datetime = strawberry.field(description="什么时候开出的（UTC）。")
    trouble: str = strawberry.field(description="错误的种类。")


Code = Annotated[str, strawberry.argument(description="文书上的验证码，20 位；大小写和短横都可以。")]
Sha256 = Annotated[str, strawberry.argument(description="文件的 SHA-256，64 位十六进制；文件不必离开手机。")]
Number = Annotated[strawberry.ID, strawberry.argument(description="文书编号。")]


async def _verify(info: strawberry.Info, code: Code) -> DocumentVerdict:
    return _verdict(await info.context.host.documents.verify(code))


async def _verify_file(info: strawberry.Info, sha256: Sha256) -> DocumentVerdict:
    return _verdict(await info.context.host.documents.verify_file(sha256))


async def _of_case(
    info: strawberry.Info, number: Annotated[strawberry.ID, strawberry.argument(description="办件编号。")]
) -> list[IssuedDocument]:
    context: Any = info.context
    return await documents_of(context, await context.host.cases.get(context.actor, number))


async def _stuck(info: strawberry.Info, first: int = 20) -> list[StuckDocument]:
    require_role(info.context.actor, OPERATORS, "只有系统管理员可以查看没有印成的文书")
    return [
        StuckDocument(
            number=strawberry.ID(found.number), case=strawberry.ID(found.case_number), template=found.template,
            made_at=found.made_at, trouble=found.trouble or "",
        )
        for found in await info.context.host.documents.stuck(check_first(first))
    ]  # fmt: skip


async def _reprint(info: strawberry.Info, number: Number) -> strawberry.ID:
    require_role(info.context.actor, OPERATORS, "只有系统管理员可以重新印制文书")
    await info.context.host.documents.reprint(info.context.actor, number)
    return number


async def _revoke(
    info: strawberry.Info, number: Number,
    reason: Annotated[str, strawberry.argument(description="为什么撤销，至多 500 个字；加密保存。")],
) -> IssuedDocument:  # fmt: skip
    host, actor = info.context.host, info.context.actor
    document = await host.documents.get(number)
    await host.cases.get(actor, document.case_number)
    # Seeing the case is not enough: the applicant sees it, too.
    rules = info.context.generation.access.rules(actor.roles, document.entity, "update")
    if actor.kind != "staff" or not any(document.file_field in rule.fields for rule in rules):
        raise PermissionDeniedError("没有撤销这份文书的权限", hint="由可以办理这类文书的工作人员撤销")
    return _issued(await host.documents.revoke(actor, number, reason))


@strawberry.type
class Query:
    verify_document: DocumentVerdict = strawberry.field(
        resolver=_verify, description="用验证码核对一份文书的真伪和是否有效；不用登录。"
    )
    verify_document_file: DocumentVerdict = strawberry.field(
        resolver=_verify_file, description="核对一个文件是不是本系统出具、有没有改动过；不用登录。"
    )
    stuck_documents: list[StuckDocument] = strawberry.field(
        resolver=_stuck, description="没有印成的文书，早的在前；限系统管理员。"
    )
    case_documents: list[IssuedDocument] = strawberry.field(resolver=_of_case, description="办件出具的文书。")


@strawberry.type
class Mutation:
    reprint_document: strawberry.ID = strawberry.mutation(
        resolver=_reprint, description="马上再印一次没有印成的文书；限系统管理员。"
    )
    revoke_document: IssuedDocument = strawberry.mutation(
        resolver=_revoke,
        description="撤销一份文书：看得到办件、可以修改存放文书的字段的工作人员；验证页随即显示已撤销。",
    )


def document_roots() -> Roots:
    return Roots(Query, Mutation)


async def documents_of(context: Any, case: Case) -> list[IssuedDocument]:
    """Of a case the caller sees: for staff and the applicant, not for who joined it."""
    if context.actor.kind == "citizen" and not is_applicant(context.actor, case):
        return []
    return [_issued(document) for document in await context.host.documents.of_case(case.number)]


def _verdict(found: Verdict) -> DocumentVerdict:
    return DocumentVerdict(
        validity=DocumentValidity(found.state), title=found.title, number=found.number, unit=found.unit,
        holder=found.holder, issued_on=found.issued_on, valid_to=found.valid_to, revoked_at=found.revoked_at,
        seal=found.seal,
    )  # fmt: skip


def _issued(document: Document) -> IssuedDocument:
    return IssuedDocument(
        number=strawberry.ID(document.number), title=document.title, status=DocumentStatus(document.status),
        file=strawberry.ID(document.file) if document.file else None, issued_on=document.issued_on,
        valid_to=document.valid_to, revoked_at=document.revoked_at,
    )  # fmt: skip
