"""Root fields of log-in: codes, passwords, second factors, who somebody is, companies, providers outside."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import strawberry
from tongban_sdk import InputProblem, InvalidInputError

from core.api.address import address
from core.api.compose import Roots
from core.api.login_types import OfficerLogin, OidcProviderInfo, OidcStart, SentCode, TotpEnrolment
from core.api.measure import LOOKS_AT_SECRET
from core.api.session_types import SessionTokens
from core.identity.login import LogIn

Phone = Annotated[str, strawberry.argument(description="11 位大陆手机号。")]
Code = Annotated[str, strawberry.argument(description="短信里的 6 位验证码。")]
Client = Annotated[str, strawberry.argument(description="设备的称呼，在 mySessions 里认得出；可以不填。")]
Ticket = Annotated[str, strawberry.argument(description="loginStaff 给出的 ticket。")]
Name = Annotated[str, strawberry.argument(description="证件上的姓名。")]
Idno = Annotated[str, strawberry.argument(description="公民身份号码。")]


async def _request_code(info: strawberry.Info, phone: Phone) -> SentCode:
    return SentCode(valid_s=await _login(info).citizens.request_code(phone, address()))


async def _login_with_code(info: strawberry.Info, phone: Phone, code: Code, client: Client = "") -> SessionTokens:
    return SessionTokens.of(await _login(info).citizens.login_with_code(phone, code, address(), client))


async def _login_with_password(
    info: strawberry.Info, phone: Phone, password: Annotated[str, strawberry.argument(description="口令。")],
    client: Client = "",
) -> SessionTokens:  # fmt: skip
    return SessionTokens.of(await _login(info).citizens.login_with_password(phone, password, address(), client))


async def _set_password(
    info: strawberry.Info, code: Code, password: Annotated[str, strawberry.argument(description="新口令。")]
) -> bool:
    await _login(info).citizens.set_password(info.context.actor, code, password)
    return True


async def _verify_identity(info: strawberry.Info, name: Name, idno: Idno) -> SessionTokens:
    return SessionTokens.of(await _login(info).real_names.verify(info.context.actor, name, idno))


async def _verify_face(
    info: strawberry.Info,
    picture: Annotated[str, strawberry.argument(description="刚拍的照片，JPEG，Base64，不超过 150 KB。")],
) -> SessionTokens:
    try:
        picture_bytes = base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError):
        problem = InputProblem(("picture",), "应为 Base64", "picture.base64")
        raise InvalidInputError("照片不对", [problem]) from None
    return SessionTokens.of(await _login(info).real_names.verify_face(info.context.actor, picture_bytes))


async def _request_window_code(info: strawberry.Info, phone: Phone) -> SentCode:
    return SentCode(valid_s=await _login(info).real_names.request_window_code(info.context.actor, phone))


async def _confirm_at_window(info: strawberry.Info, phone: Phone, code: Code, name: Name, idno: Idno) -> strawberry.ID:
    found = await _login(info).real_names.confirm_at_window(info.context.actor, phone, code, name, idno)
    return strawberry.ID(found)


async def _login_staff(
    info: strawberry.Info, account: Annotated[str, strawberry.argument(description="账号名。")],
    password: Annotated[str, strawberry.argument(description="口令。")],
    totp: Annotated[str, strawberry.argument(description="动态码；还没有登记时不填。")] = "", client: Client = "",
    device: Annotated[str, strawberry.argument(description="这台设备上次登录得到的设备凭据；没有时不填。")] = "",
) -> OfficerLogin:  # fmt: skip
    return OfficerLogin.of(await _login(info).officers.login(account, password, totp, address(), client, device))


async def _choose_password(
    info: strawberry.Info, ticket: Ticket, password: Annotated[str, strawberry.argument(description="新口令。")]
) -> list[str]:
    return list(await _login(info).officers.choose_password(ticket, password))


async def _enrol_totp(info: strawberry.Info, ticket: Ticket) -> TotpEnrolment:
    secret, uri = await _login(info).officers.enrol_totp(ticket)
    return TotpEnrolment(secret=secret, uri=uri)


async def _confirm_totp(
    info: strawberry.Info, ticket: Ticket, code: Annotated[str, strawberry.argument(description="手机上的动态码。")]
) -> list[str]:
    return list(await _login(info).officers.confirm_totp(ticket, code))


async def _change_password(
    info: strawberry.Info, old: Annotated[str, strawberry.argument(description="现在的口令。")],
    new: Annotated[str, strawberry.argument(description="新口令。")],
) -> bool:  # fmt: skip
    await _login(info).officers.change_password(info.context.actor, old, new)
    return True


async def _oidc_providers(info: strawberry.Info) -> list[OidcProviderInfo]:
    return [OidcProviderInfo(name=p.name, title=p.title) for p in _login(info).oidc.providers()]


async def _start_oidc(
    info: strawberry.Info, provider: Annotated[str, strawberry.argument(description="oidcProviders 里的 name。")],
    redirect_uri: Annotated[str, strawberry.argument(description="登记过的返回地址。")],
) -> OidcStart:  # fmt: skip
    url, state = await _login(info).oidc.start(provider, redirect_uri, address())
    return OidcStart(url=url, state=state)


async def _finish_oidc(
    info: strawberry.Info, state: Annotated[str, strawberry.argument(description="返回地址带回的 state。")],
    code: Annotated[str, strawberry.argument(description="返回地址带回的 code。")], client: Client = "",
) -> SessionTokens:  # fmt: skip
    return SessionTokens.of(await _login(info).oidc.finish(state, code, address(), client))


@strawberry.type
class Query:
    oidc_providers: list[OidcProviderInfo] = strawberry.field(
        resolver=_oidc_providers, description="可以用来登录的统一身份认证。"
    )


@strawberry.type
class Mutation:
    request_login_code: SentCode = strawberry.mutation(
        resolver=_request_code, metadata=LOOKS_AT_SECRET,
        description="向手机发送一次性验证码；不论手机号是否注册过，回答都一样。60 秒内、一天 10 次之外不再发送。",
    )  # fmt: skip
    login_with_code: SessionTokens = strawberry.mutation(
        resolver=_login_with_code, metadata=LOOKS_AT_SECRET,
        description="公民用手机号和验证码登录；第一次登录时开户。每个验证码 5 分钟内有效，最多试 5 次，成功即作废。",
    )  # fmt: skip
    login_with_password: SessionTokens = strawberry.mutation(
        resolver=_login_with_password, metadata=LOOKS_AT_SECRET,
        description="公民用手机号和口令登录；口令由 setPassword 设置。连续错 5 次锁定 30 分钟。",
    )  # fmt: skip
    set_password: bool = strawberry.mutation(
        resolver=_set_password, metadata=LOOKS_AT_SECRET,
        description="公民设置或更换口令，凭发到本账号手机的验证码；其他设备上的登录随即结束。",
    )  # fmt: skip
    verify_identity: SessionTokens = strawberry.mutation(
        resolver=_verify_identity, metadata=LOOKS_AT_SECRET,
        description="核验姓名和公民身份号码，实名等级升到 2；一个手机号可逐个核验几位老人。返回新令牌，原会话结束。",
    )  # fmt: skip
    verify_face: SessionTokens = strawberry.mutation(
        resolver=_verify_face, metadata=LOOKS_AT_SECRET,
        description="人脸核验，实名等级升到 3；须先核验证件。返回新的令牌，原会话结束。",
    )  # fmt: skip
    request_window_code: SentCode = strawberry.mutation(
        resolver=_request_window_code, metadata=LOOKS_AT_SECRET,
        description="窗口人员现场核对前，向来人的手机发送确认码：只对这名窗口人员有效，不能用来登录；短信写明用途。",
    )  # fmt: skip
    confirm_at_window: strawberry.ID = strawberry.mutation(
        resolver=_confirm_at_window, metadata=LOOKS_AT_SECRET,
        description="窗口人员现场核对本人和证件后，把人绑定到其手机号，实名等级 3；code 由 requestWindowCode 发出、"
        "本人念出。返回 core.person。",
    )  # fmt: skip
    login_staff: OfficerLogin = strawberry.mutation(
        resolver=_login_staff, metadata=LOOKS_AT_SECRET,
        description="工作人员和管理员登录：口令加动态码。错 5 次锁定 30 分钟，上次登录的设备另计；"
        "不存在、锁定、停用和错误的回答都一样。",
    )  # fmt: skip
    choose_password: list[str] = strawberry.mutation(
        resolver=_choose_password, metadata=LOOKS_AT_SECRET,
        description="换掉一次性的或到期的口令；返回还差的步骤，空表示可以登录了。",
    )  # fmt: skip
    enrol_totp: TotpEnrolment = strawberry.mutation(
        resolver=_enrol_totp, metadata=LOOKS_AT_SECRET, description="登记动态码：得到密钥，confirmTotp 后生效。"
    )
    confirm_totp: list[str] = strawberry.mutation(
        resolver=_confirm_totp, metadata=LOOKS_AT_SECRET,
        description="用手机上的动态码确认登记；返回还差的步骤，空表示可以登录了。",
    )  # fmt: skip
    change_password: bool = strawberry.mutation(
        resolver=_change_password, metadata=LOOKS_AT_SECRET,
        description="工作人员和管理员更换自己的口令；其他设备上的登录随即结束。",
    )  # fmt: skip
    start_oidc_login: OidcStart = strawberry.mutation(
        resolver=_start_oidc, description="开始用统一身份认证登录：打开 url，记下 state。"
    )
    finish_oidc_login: SessionTokens = strawberry.mutation(
        resolver=_finish_oidc, metadata=LOOKS_AT_SECRET,
        description="从统一身份认证返回后完成登录；先核对 state 与 startOidcLogin 给出的相同。state 和 code 各用一次。",
    )  # fmt: skip


def login_roots() -> Roots:
    return Roots(Query, Mutation)


def _login(info: strawberry.Info) -> LogIn:
    login: LogIn = info.context.host.login
    return login
