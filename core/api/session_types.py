"""What log-in and sessions answer with."""

from __future__ import annotations

from datetime import datetime

import strawberry
from tongban_sdk import Actor

from core.identity.actors import Bound
from core.identity.rows import Session
from core.identity.sessions import Access, Pair


def _id(value: str | None) -> strawberry.ID | None:
    return None if value is None else strawberry.ID(value)


@strawberry.type(description="当前身份：规则就是按这些事实判断的。")
class Me:
    account: strawberry.ID = strawberry.field(description="账号标识。")
    kind: str = strawberry.field(description="citizen、staff 或 admin。")
    roles: list[str] = strawberry.field(description="角色。")
    real_name: int = strawberry.field(description="实名等级：0 未知，1 手机号，2 已核证件，3 人脸或现场核验。")
    person: strawberry.ID | None = strawberry.field(description="数据主体（core.person）；代办时是委托人。")
    agent: strawberry.ID | None = strawberry.field(description="代办人（core.person）；本人办理时为空。")
    delegation: strawberry.ID | None = strawberry.field(description="所依据的委托。")
    scopes: list[str] = strawberry.field(description="委托覆盖的应用；本人办理时为空。")
    legal_entity: strawberry.ID | None = strawberry.field(description="所代表的法人。")
    staff: strawberry.ID | None = strawberry.field(description="工作人员（core.staff）。")
    session: strawberry.ID | None = strawberry.field(description="登录会话；开发令牌没有会话。")

    @classmethod
    def of(cls, actor: Actor) -> Me:
        return cls(
            account=strawberry.ID(actor.id), kind=actor.kind, roles=sorted(actor.roles - {"anonymous"}),
            real_name=actor.real_name, person=_id(actor.person), agent=_id(actor.agent),
            delegation=_id(actor.delegation), scopes=list(actor.scopes), legal_entity=_id(actor.legal_entity),
            staff=_id(actor.staff), session=_id(actor.session or None),
        )  # fmt: skip


@strawberry.type(description="令牌：accessToken 随每个请求发送，refreshToken 只用来续期，各用一次。")
class SessionTokens:
    access_token: str = strawberry.field(description="放进 Authorization: Bearer；最长 10 分钟有效。")
    expires_at: datetime = strawberry.field(description="accessToken 的失效时间（UTC）；之前或之后都可以续期。")
    refresh_token: str | None = strawberry.field(description="下一次续期用；为空表示原来的继续有效。")
    session_id: strawberry.ID = strawberry.field(description="会话标识。")
    me: Me = strawberry.field(description="令牌代表的身份。")

    @classmethod
    def of(cls, made: Access) -> SessionTokens:
        return cls(
            access_token=made.access, expires_at=made.access_expires_at, session_id=strawberry.ID(made.session_id),
            refresh_token=made.refresh if isinstance(made, Pair) else None, me=Me.of(made.actor),
        )  # fmt: skip


@strawberry.type(description="一台设备上的登录。")
class LoginSession:
    id: strawberry.ID = strawberry.field(description="会话标识。")
    client: str = strawberry.field(description="设备或浏览器。")
    opened_at: datetime = strawberry.field(description="登录时间（UTC）。")
    seen_at: datetime = strawberry.field(description="最近一次使用的时间（UTC），误差十几秒。")
    ends_at: datetime = strawberry.field(description="最迟在这时结束（UTC）；久不使用会提前结束。")
    is_current: bool = strawberry.field(description="是否就是发出这个请求的会话。")

    @classmethod
    def of(cls, session: Session, current: str) -> LoginSession:
        return cls(
            id=strawberry.ID(session.id), client=session.client, opened_at=session.opened_at, seen_at=session.seen_at,
            ends_at=session.ends_at, is_current=session.id == current,
        )  # fmt: skip


@strawberry.type(description="账号绑定的一个人：一部手机可以为几位老人服务。")
class BoundPerson:
    person: strawberry.ID = strawberry.field(description="core.person 的标识。")
    masked_name: str = strawberry.field(description="遮去名字的姓名，如 马**：选择时认得出是谁。")
    real_name: int = strawberry.field(description="实名等级：2 已核证件，3 人脸或现场核验。")
    is_current: bool = strawberry.field(description="是否就是当前身份。")

    @classmethod
    def of(cls, bound: Bound, masked_name: str, current: str | None) -> BoundPerson:
        return cls(
            person=strawberry.ID(bound.person), masked_name=masked_name, real_name=bound.real_name,
            is_current=bound.person == current,
        )  # fmt: skip
