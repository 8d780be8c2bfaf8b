"""Root fields for accounts of staff and administrators; for security administrators, and never their own account.

An administrator of another kind confirms what touches an administrator's way in."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry

from core.api.compose import Roots
from core.api.login_types import AdminRequest, ConfirmedAdmin, LoginAccount, OneTimePassword
from core.identity.administration import Administration, id_of
from core.identity.four_eyes import FourEyes

Id = Annotated[strawberry.ID, strawberry.argument(description="账号标识。")]
Login = Annotated[str, strawberry.argument(description="账号名：小写字母开头，2 到 40 个字符。")]


@strawberry.enum(description="三种管理员，互不兼任。")
class AdminRole(Enum):
    SYSTEM_ADMIN = strawberry.enum_value("system_admin", description="系统管理员：运行和配置。")
    SECURITY_ADMIN = strawberry.enum_value("security_admin", description="安全管理员：账号和授权。")
    AUDIT_ADMIN = strawberry.enum_value("audit_admin", description="安全审计员：只读审计。")


async def _account(info: strawberry.Info, login: Login) -> LoginAccount | None:
    found = await _rooms(info).found(info.context.actor, login)
    return None if found is None else LoginAccount.of(found)


async def _create_staff(
    info: strawberry.Info,
    staff: Annotated[strawberry.ID, strawberry.argument(description="在岗的工作人员（core.staff）。")],
    login: Login,
) -> OneTimePassword:
    return OneTimePassword.of(await _rooms(info).create_staff(info.context.actor, str(staff), login))


async def _create_admin(
    info: strawberry.Info, login: Login, role: Annotated[AdminRole, strawberry.argument(description="哪一种。")]
) -> OneTimePassword:
    return OneTimePassword.of(await _rooms(info).create_admin(info.context.actor, login, str(role.value)))


async def _disable(info: strawberry.Info, id: Id) -> LoginAccount:
    return LoginAccount.of(await _rooms(info).disable(info.context.actor, str(id)))


async def _enable(info: strawberry.Info, id: Id) -> LoginAccount:
    return LoginAccount.of(await _rooms(info).enable(info.context.actor, str(id)))


async def _unlock(info: strawberry.Info, id: Id) -> LoginAccount:
    return LoginAccount.of(await _rooms(info).unlock(info.context.actor, str(id)))


async def _reset_password(info: strawberry.Info, id: Id) -> OneTimePassword:
    return OneTimePassword.of(await _rooms(info).reset_password(info.context.actor, str(id)))


async def _reset_totp(info: strawberry.Info, id: Id) -> LoginAccount:
    return LoginAccount.of(await _rooms(info).reset_totp(info.context.actor, str(id)))


async def _admin_requests(info: strawberry.Info) -> list[AdminRequest]:
    return [AdminRequest.of(found) for found in await _four_eyes(info).waiting(info.context.actor)]


async def _confirm_admin(
    info: strawberry.Info,
    account: Id,
    checked_in_person: Annotated[bool, strawberry.argument(description="我已当面核对账号所有人的身份；必须为 true。")],
) -> ConfirmedAdmin:
    id = id_of(str(account), "account")
    return ConfirmedAdmin.of(await _four_eyes(info).confirm(info.context.actor, id, is_checked=checked_in_person))


@strawberry.type
class Query:
    admin_requests: list[AdminRequest] = strawberry.field(
        resolver=_admin_requests, description="等另一名管理员确认的管理员账号；三种管理员都可以看。"
    )
    login_account: LoginAccount | None = strawberry.field(
        resolver=_account, description="按账号名查一个账号；限安全管理员和安全审计员。"
    )


@strawberry.type
class Mutation:
    create_staff_account: OneTimePassword = strawberry.mutation(
        resolver=_create_staff, description="为在岗的工作人员开户，返回一次性口令；限安全管理员。"
    )
    create_admin_account: OneTimePassword = strawberry.mutation(
        resolver=_create_admin,
        description="为另一个人申请管理员账号，返回一次性口令的前一半；另一种管理员确认后才能登录。限安全管理员。",
    )
    confirm_admin_account: ConfirmedAdmin = strawberry.mutation(
        resolver=_confirm_admin,
        description="当面核对本人后，确认开户、恢复、重置口令或清除动态码；限与申请人不同种的管理员，不能是本人。",
    )
    disable_account: LoginAccount = strawberry.mutation(
        resolver=_disable,
        description="停用一个账号，它的登录几秒内结束；限安全管理员，不能是自己的账号，也不能是一种管理员的最后一个。",
    )
    enable_account: LoginAccount = strawberry.mutation(
        resolver=_enable, description="恢复一个停用的账号；管理员的在确认后生效。限安全管理员，不能是自己的账号。"
    )
    unlock_account: LoginAccount = strawberry.mutation(
        resolver=_unlock, description="提前解除锁定；限安全管理员，不能是自己的账号。"
    )
    reset_password: OneTimePassword = strawberry.mutation(
        resolver=_reset_password,
        description="重置工作人员或管理员的口令，返回一次性口令，它的登录几秒内结束；管理员的只返回前一半，确认后生效。限安全管理员，不能是自己的账号。",
    )
    reset_totp: LoginAccount = strawberry.mutation(
        resolver=_reset_totp,
        description="清除动态码，本人下次登录时重新登记；管理员的在确认后生效。限安全管理员，不能是自己的账号。",
    )


def account_roots() -> Roots:
    return Roots(Query, Mutation)


def _rooms(info: strawberry.Info) -> Administration:
    found: Administration = info.context.host.login.administration
    return found


def _four_eyes(info: strawberry.Info) -> FourEyes:
    found: FourEyes = info.context.host.login.four_eyes
    return found
