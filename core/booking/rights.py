"""Whose booking it is, who sees a resource, and who looks after it. Somebody else's and none look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError, PermissionDeniedError, RealNameRequiredError

from core.access.service import service_actor
from core.access.visibility import Visibility
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.identity.required import require_login
from core.manifest.bookings import BookingKind
from core.privacy.people import People, require_person
from core.store.database import Database
from core.store.dialect import quote
from core.store.statement import statement
from core.store.tables import table_of
from core.write.live import Live

NO_SLOT, NO_BOOKING = "没有这个时段", "没有这个预约"


@dataclass(frozen=True, slots=True)
class Owner:
    """One core.person, or a core.legal_entity; `agent` is who acts for them."""

    person: str | None
    legal_entity: str | None
    agent: str | None = None

    @property
    def column(self) -> str:
        return "legal_entity" if self.legal_entity else "person"

    @property
    def id(self) -> str:
        return self.legal_entity or self.person or ""


@dataclass(frozen=True, slots=True)
class Rights:
    """Of one generation."""

    live: Live
    database: Database

    async def place(self, entity: str, resource: str) -> str | None:
        """The division of a resource; None when there is no such row."""
        found = self.live.world.entity(entity)
        if found is None or not is_id(resource):
            return None
        text = f"SELECT division FROM {quote(found.table)} WHERE id = {{id}} AND deleted_at IS NULL"
        rows = await self.database.fetch(*statement(self.database.dialect, table_of(found), text, id=resource))
        return str(rows[0][0] or "") if rows else None

    async def sees(self, actor: Actor, entity: str, resource: str) -> bool:
        """Whether a rule shows him the row; the plugin's own code sees its own."""
        found = self.live.world.entity(entity)
        if found is None:
            return False
        if actor.id == service_actor(found.plugin_id).id:
            return True
        return await Visibility.of(self.live, self.database).sees_row(actor, found, resource)

    async def manages(self, actor: Actor, kind: BookingKind, resource: str) -> bool:
        """Staff in one of the kind's roles, where a rule of just these roles shows them the row: what everybody may
        see makes nobody its keeper."""
        roles = actor.roles & frozenset(kind.roles)
        return (
            actor.kind == "staff"
            and bool(roles)
            and await self.sees(replace(actor, roles=roles), kind.resource, resource)
        )


def check_staff(actor: Actor, kind: BookingKind) -> None:
    if require_login(actor).kind != "staff" or not actor.roles & frozenset(kind.roles):
        raise PermissionDeniedError(f"“{kind.title}”不由您管理")


def check_applicant(actor: Actor, kind: BookingKind) -> None:
    """Who may book at all: kind of caller, real name, delegation."""
    if require_login(actor).kind != "citizen":
        raise PermissionDeniedError("预约由群众本人办理", hint="工作人员请用个人账号预约")
    if ("legal" if actor.legal_entity else "person") not in kind.audience:
        title = {"person": "个人", "legal": "法人和其他组织"}[kind.audience[0]]
        raise PermissionDeniedError(f"“{kind.title}”面向{title}")
    if actor.real_name < kind.real_name:
        raise RealNameRequiredError(kind.real_name)
    if not in_scopes(actor, kind.plugin_id, kind.resource):
        raise PermissionDeniedError("委托没有包括这项预约", hint="请委托人另行委托，或由本人预约")


def in_scopes(actor: Actor, plugin_id: str, entity: str) -> bool:
    return actor.agent is None or bool({plugin_id, entity} & {*actor.scopes})


async def owner_of(actor: Actor, people: People, ward: str | None = None) -> Owner:
    """Whom somebody books for: the company, the principal, himself, or a ward of his."""
    if actor.legal_entity is not None:
        return Owner(None, actor.legal_entity, actor.person)
    person = require_person(actor)
    if ward is None or ward == person:
        return Owner(person, None, actor.agent)
    if actor.agent is not None:
        raise PermissionDeniedError("代办人不能替委托人的被监护人预约", hint="由监护人本人预约")
    return Owner(await people.self_or_ward(person, ward), None, person)


async def owners_of(actor: Actor, people: People) -> Sequence[Owner]:
    """All whose bookings are his to look at and to change: his own and those of his wards."""
    own = await owner_of(actor, people)
    if own.legal_entity is not None or actor.agent is not None:
        return [own]
    return [own, *(Owner(ward, None, own.person) for ward in await people.wards(own.id))]


def is_id(text: str) -> bool:
    try:
        return bool(parse_uuid(text))
    except FieldError:
        return False


def known(id: str, missing: str) -> str:
    """The id in its one spelling; what is none names nothing."""
    try:
        return parse_uuid(id)
    except FieldError:
        raise NotFoundError(missing) from None
