"""Root fields of log-in sessions: refresh, log out, see where one is logged in, act for somebody else."""

from __future__ import annotations

from enum import Enum

import strawberry
from tongban_sdk import Actor, NotAuthenticatedError, NotFoundError

from core.api.compose import Roots
from core.api.ids import known_id
from core.api.session_types import BoundPerson, LoginSession, Me, SessionTokens
from core.audit import Entry
from core.identity.accounts import NO_ID
from core.identity.actors import Choice
from core.identity.required import require_login, require_role
from core.identity.sessions import Sessions

#: Roles that may see and end the sessions of others.
GUARDIANS = frozenset({"security_admin"})


@strawberry.enum(description="为什么结束别人的会话；写入审计。")
class RevokeReason(Enum):
    SUSPICION = strawberry.enum_value("suspicion", description="账号可能被盗用。")
    LOST_DEVICE = strawberry.enum_value("lost_device", description="设备丢失。")
    LEFT = strawberry.enum_value("left", description="离岗、离职或不再经办。")
    REQUESTED = strawberry.enum_value("requested", description="本人要求。")


async def _refresh_session(info: strawberry.Info, refresh_token: str) -> SessionTokens:
    return SessionTokens.of(await _sessions(info).refresh(refresh_token))


async def _logout(info: strawberry.Info) -> bool:
    actor = _with_session(info)
    return await _sessions(info).close(actor.session, told=Entry(actor, "logout", row_id=actor.session))


async def _logout_everywhere(info: strawberry.Info) -> int:
    actor = _with_session(info)
    return await _sessions(info).revoke(actor.id, "logout", told=Entry(actor, "logout_everywhere", row_id=actor.id))


async def _revoke_session(info: strawberry.Info, id: strawberry.ID) -> bool:
    actor, wanted = _logged_in(info), known_id(id)
    if wanted not in {s.id for s in await _sessions(info).of(_account(actor))}:
        raise NotFoundError("没有这个会话")
    return await _sessions(info).close(wanted, "logout", told=Entry(actor, "revoke_session", row_id=wanted))


async def _act_as(info: strawberry.Info, delegation: strawberry.ID | None = None) -> SessionTokens:
    chosen = Choice(delegation=None if delegation is None else known_id(delegation))
    return SessionTokens.of(await _sessions(info).act(_with_session(info), chosen))


async def _act_as_person(info: strawberry.Info, person: strawberry.ID) -> SessionTokens:
    return SessionTokens.of(await _sessions(info).act(_with_session(info), Choice(person=known_id(person))))


async def _revoke_account_sessions(info: strawberry.Info, account: strawberry.ID, reason: RevokeReason) -> int:
    _check_guardian(info)
    id, why = known_id(account), str(reason.value)
    told = Entry(info.context.actor, "revoke_account_sessions", row_id=id, detail=why)
    return await _sessions(info).revoke(id, why, told=told)


async def _me(info: strawberry.Info) -> Me | None:
    actor: Actor = info.context.actor
    return Me.of(actor) if actor.id else None


async def _my_sessions(info: strawberry.Info) -> list[LoginSession]:
    actor = _logged_in(info)
    return await _listed(info, _account(actor))


async def _my_persons(info: strawberry.Info) -> list[BoundPerson]:
    actor = _logged_in(info)
    bound = await _sessions(info).bound(_account(actor))
    names = await info.context.host.privacy.people.masked_names([one.person for one in bound])
    return [BoundPerson.of(one, names[one.person], actor.agent or actor.person) for one in bound]


async def _account_sessions(info: strawberry.Info, account: strawberry.ID) -> list[LoginSession]:
    _check_guardian(info)
    return await _listed(info, known_id(account))


@strawberry.type
class Query:
    me: Me | None = strawberry.field(resolver=_me, description="当前身份；没有登录时为空。")
    my_sessions: list[LoginSession] = strawberry.field(
        resolver=_my_sessions, description="自己的账号在哪些设备上登录着，最近使用的在前。"
    )
    my_persons: list[BoundPerson] = strawberry.field(
        resolver=_my_persons, description="自己的账号绑定的人；多于一个时用 actAsPerson 选择。"
    )
    account_sessions: list[LoginSession] = strawberry.field(
        resolver=_account_sessions, description="一个账号的登录会话；限安全管理员。"
    )


@strawberry.type
class Mutation:
    refresh_session: SessionTokens = strawberry.mutation(
        resolver=_refresh_session,
        description="用续期令牌换下一对令牌；每个只能用一次：几秒内重复使用得到 CONFLICT，之后结束整个会话。",
    )
    logout: bool = strawberry.mutation(resolver=_logout, description="退出当前会话。")
    logout_everywhere: int = strawberry.mutation(
        resolver=_logout_everywhere, description="退出自己账号的所有会话，返回个数。"
    )
    revoke_session: bool = strawberry.mutation(
        resolver=_revoke_session, description="结束自己的一个会话，例如丢失的手机。"
    )
    act_as: SessionTokens = strawberry.mutation(
        resolver=_act_as, description="依据一项委托替委托人办事；不带参数则回到本人。之前的 accessToken 随即失效。"
    )
    act_as_person: SessionTokens = strawberry.mutation(
        resolver=_act_as_person, description="在账号绑定的几个人之间选择当前身份。之前的 accessToken 随即失效。"
    )
    revoke_account_sessions: int = strawberry.mutation(
        resolver=_revoke_account_sessions, description="结束一个账号的所有会话，返回个数；限安全管理员。"
    )


def session_roots() -> Roots:
    return Roots(Query, Mutation)


async def _listed(info: strawberry.Info, account: str) -> list[LoginSession]:
    current = info.context.actor.session
    return [LoginSession.of(session, current) for session in await _sessions(info).of(account)]


def _sessions(info: strawberry.Info) -> Sessions:
    sessions: Sessions = info.context.host.sessions
    return sessions


def _logged_in(info: strawberry.Info) -> Actor:
    return require_login(info.context.actor)


def _with_session(info: strawberry.Info) -> Actor:
    actor = _logged_in(info)
    if not actor.session:
        raise NotAuthenticatedError("开发令牌没有会话", hint="请登录后再试")
    return actor


def _account(actor: Actor) -> str:
    """Accounts of development tokens may have any name; those of rows are uuids."""
    return actor.id if actor.session else NO_ID


def _check_guardian(info: strawberry.Info) -> None:
    require_role(info.context.actor, GUARDIANS, "只有安全管理员可以查看和结束别人的会话")
