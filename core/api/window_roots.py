"""Root fields of the counter: filing for somebody who is present, with his own confirmation."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.api.case_detail import CaseDetail, detail_of
from core.api.case_roots import Key
from core.api.compose import Roots
from core.api.ids import known_id
from core.api.login_types import SentCode
from core.api.measure import LOOKS_AT_SECRET
from core.api.service_roots import values_of
from core.cases.at_window import Application, AtWindow


@strawberry.input(description="替在场或来电的人提交的申请。")
class WindowApplicationInput:
    service: str = strawberry.field(description="事项标识。")
    applicant: strawberry.ID = strawberry.field(description="申请人（core.person）；只能是本辖区的人。")
    values: JSON = strawberry.field(description="表单的内容。")
    consents: list[str] | None = strawberry.field(default=None, description="申请人本人同意的声明的标识。")
    channel: str = strawberry.field(default="window", description="window 窗口、agent 帮办代办、hotline 热线。")


async def _request_code(info: strawberry.Info, input: WindowApplicationInput) -> SentCode:
    return SentCode(valid_s=await _window(info).send(info.context.actor, _application(input)))


async def _submit(
    info: strawberry.Info, input: WindowApplicationInput,
    code: Annotated[str | None, strawberry.argument(description="申请人念出的确认码。")] = None,
    proof: Annotated[
        strawberry.ID | None, strawberry.argument(description="没有手机的：申请人签字的申请表，刚上传的文件。")
    ] = None,
    idempotency_key: Key = None,
) -> CaseDetail:  # fmt: skip
    context: Any = info.context
    case = await _window(info).submit(context.actor, _application(input), code=code, proof=proof, key=idempotency_key)
    return await detail_of(context, case)


@strawberry.type
class Mutation:
    request_filing_code: SentCode = strawberry.mutation(
        resolver=_request_code, metadata=LOOKS_AT_SECRET,
        description="向申请人登记的手机发送确认码：只对这份申请和这名经办人有效，不能用来登录。",
    )  # fmt: skip
    submit_case_at_window: CaseDetail = strawberry.mutation(
        resolver=_submit, metadata=LOOKS_AT_SECRET,
        description="替在场的人提交申请：凭他念出的确认码，或签字的申请表；热线按来电人的口头申请。",
    )  # fmt: skip


def window_roots() -> Roots:
    return Roots(mutation=Mutation)


def _window(info: strawberry.Info) -> AtWindow:
    host = info.context.host
    return AtWindow(host.cases.engine, host.privacy.desk, host.login.parts.codes)


def _application(given: WindowApplicationInput) -> Application:
    return Application(
        service=given.service, applicant=known_id(given.applicant, "找不到这个人"), values=values_of(given.values),
        consents=given.consents or (), channel=given.channel,
    )  # fmt: skip
