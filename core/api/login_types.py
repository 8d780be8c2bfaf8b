"""What the root fields of log-in answer with."""

from __future__ import annotations

from datetime import datetime

import strawberry

from core.api.session_types import SessionTokens
from core.identity.accounts import Account
from core.identity.administration import NewSecret
from core.identity.four_eyes import Handed, Waiting
from core.identity.officers import Opened, Unfinished


@strawberry.type(description="验证码已交给短信通道。")
class SentCode:
    valid_s: int = strawberry.field(description="有效的秒数。")


@strawberry.type(description="口令正确之后：已登录，或者还差几步。")
class OfficerLogin:
    session: SessionTokens | None = strawberry.field(description="令牌；还差几步时为空。")
    needs: list[str] = strawberry.field(description="还差的步骤：password 换口令，totp 登记动态码；办完再登录一次。")
    ticket: str | None = strawberry.field(description="办这些步骤用，几分钟内有效；已登录时为空。")
    failed_before: int = strawberry.field(description="上次登录以来失败的次数；不是自己试的就请换口令。")

    device: str | None = strawberry.field(
        description="设备凭据，每次登录换新：存在这台设备上，下次登录带上，别人猜错口令就锁不住您。还差几步时为空。"
    )

    @classmethod
    def of(cls, found: Opened | Unfinished) -> OfficerLogin:
        if isinstance(found, Unfinished):
            return cls(session=None, needs=list(found.needs), ticket=found.ticket, failed_before=0, device=None)
        return cls(
            session=SessionTokens.of(found.pair), needs=[], ticket=None, failed_before=found.failed_before,
            device=found.device,
        )  # fmt: skip


@strawberry.type(description="动态码（RFC 6238）的登记。")
class TotpEnrolment:
    secret: str = strawberry.field(description="密钥，Base32；只出现这一次。")
    uri: str = strawberry.field(description="otpauth:// 地址，显示成二维码给手机扫。")


@strawberry.type(description="一个统一身份认证。")
class OidcProviderInfo:
    name: str = strawberry.field(description="标识。")
    title: str = strawberry.field(description="名称。")


@strawberry.type(description="去统一身份认证登录。")
class OidcStart:
    url: str = strawberry.field(description="在浏览器里打开。")
    state: str = strawberry.field(description="返回时带回的应当是它；不同就不要继续。")


@strawberry.type(description="一个登录账号，不含任何秘密。")
class LoginAccount:
    id: strawberry.ID = strawberry.field(description="账号标识。")
    kind: str = strawberry.field(description="citizen、legal、staff 或 admin。")
    login: str | None = strawberry.field(description="账号名；公民没有。")
    staff: strawberry.ID | None = strawberry.field(description="工作人员（core.staff）。")
    admin_role: str | None = strawberry.field(description="system_admin、security_admin 或 audit_admin。")
    state: str = strawberry.field(description="active 或 disabled。")
    state_why: str = strawberry.field(description="停用的原因：dormant、by_admin、unconfirmed、recycled 或 returned。")
    awaits: str | None = strawberry.field(
        description="等另一名管理员确认的事：create 开户、enable 恢复、password 重置口令、totp 清除动态码；没有时为空。"
    )
    failed: int = strawberry.field(description="上次登录以来失败的次数。")
    locked_until: datetime | None = strawberry.field(description="锁定到何时（UTC）。")
    has_totp: bool = strawberry.field(description="是否登记了动态码。")
    password_temporary: bool = strawberry.field(description="口令是一次性的，还没有换。")
    last_login_at: datetime | None = strawberry.field(description="最近一次登录（UTC）。")

    @classmethod
    def of(cls, account: Account) -> LoginAccount:
        return cls(
            id=strawberry.ID(account.id), kind=account.kind, login=account.login, admin_role=account.admin_role,
            staff=None if account.staff is None else strawberry.ID(account.staff), state=account.state,
            state_why=account.state_why, awaits=account.asked, failed=account.failed,
            locked_until=account.locked_until, has_totp=account.totp_sealed is not None,
            password_temporary=account.password_temporary, last_login_at=account.last_login_at,
        )  # fmt: skip


@strawberry.type(description="账号和它的一次性口令。")
class OneTimePassword:
    account: LoginAccount = strawberry.field(description="账号。")
    password: str = strawberry.field(
        description="一次性口令，只出现这一次；当面交给本人，登录后必须更换。管理员账号的只是前一半。"
    )

    @classmethod
    def of(cls, made: NewSecret) -> OneTimePassword:
        return cls(account=LoginAccount.of(made.account), password=made.password)


@strawberry.type(description="一件等另一名管理员确认的事。")
class AdminRequest:
    account: strawberry.ID = strawberry.field(description="账号标识。")
    login: str = strawberry.field(description="账号名。")
    admin_role: str = strawberry.field(description="哪一种管理员。")
    asked: str = strawberry.field(description="create 开户、enable 恢复、password 重置口令或 totp 清除动态码。")
    asked_by: str = strawberry.field(description="申请人的账号名。")
    asked_at: datetime = strawberry.field(description="何时申请（UTC）。")

    @classmethod
    def of(cls, found: Waiting) -> AdminRequest:
        account = found.account
        assert account.asked_at is not None
        return cls(
            account=strawberry.ID(account.id), login=account.login or "", admin_role=account.admin_role or "",
            asked=account.asked or "", asked_by=found.asker, asked_at=account.asked_at,
        )  # fmt: skip


@strawberry.type(description="已确认的管理员账号。")
class ConfirmedAdmin:
    account: LoginAccount = strawberry.field(description="账号。")
    password_half: str | None = strawberry.field(
        description="一次性口令的后一半，只出现这一次，当面交给本人；本人把两半用横线连起来登录。恢复和清除动态码时为空。"
    )

    @classmethod
    def of(cls, handed: Handed) -> ConfirmedAdmin:
        return cls(account=LoginAccount.of(handed.account), password_half=handed.half or None)
