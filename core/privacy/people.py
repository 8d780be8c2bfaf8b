"""Who may act for whom: the person behind a call, age to the day, guardians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError, PermissionDeniedError, RealNameRequiredError

from core.access.protection import CHILD_YEARS
from core.expr.clock import china_day
from core.fields.masks import mask_of
from core.fields.times import utc_now
from core.identity.required import require_login
from core.manifest.model import Entity, World
from core.privacy.rows import Lying
from core.write.values import Row

PERSON, GUARDIAN_LINK, DELEGATION = "core.person", "core.guardian_link", "core.delegation"
ADULT_YEARS = 18


def years_old(born: date, now: datetime | None = None) -> int:
    """Full years on this day in +08:00. Who was born on 29 February turns a year older on 1 March of common years."""
    today = china_day(now or utc_now())
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def birthday(born: date, years: int) -> date:
    """The day somebody becomes this old."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def is_child(born: date | None, now: datetime | None = None) -> bool:
    """Under 14. A birth date nobody knows protects like a child's."""
    return born is None or years_old(born, now) < CHILD_YEARS


@dataclass(frozen=True, slots=True)
class Subject:
    """A person whose data or will is concerned."""

    id: str
    birth_date: date | None
    phone: str | None
    state: str | None

    def is_child(self, now: datetime | None = None) -> bool:
        return is_child(self.birth_date, now)


class People:
    """Looks persons and guardians up in the declared tables."""

    def __init__(self, lying: Lying, world: World) -> None:
        self._lying, self._world = lying, world

    async def subject(self, id: str) -> Subject | None:
        row = await self._lying.row(self.entity(PERSON), id)
        return None if row is None else Subject(id, row.get("birth_date"), row.get("phone"), row.get("state"))

    async def is_guardian(self, guardian: str, ward: str, now: datetime | None = None) -> bool:
        """Whether a verified link stands today."""
        return ward in await self.wards(guardian, now)

    async def wards(self, guardian: str, now: datetime | None = None) -> list[str]:
        """Persons this one is the verified guardian of, today."""
        entity = self._world.entity(GUARDIAN_LINK)
        if entity is None:
            return []
        rows = await self._lying.rows(entity, "guardian_id = {id:guardian_id}", id=guardian)
        return [row["ward"] for row in rows if link_stands(row, now)]

    async def self_or_ward(self, person: str, ward: str | None) -> str:
        """Whom a caller speaks for; PermissionDeniedError when he is no guardian of that person."""
        if ward is None or ward == person:
            return person
        if not await self.is_guardian(person, ward):
            raise not_guardian()
        return ward

    async def require_subject(self, id: str) -> Subject:
        found = await self.subject(id)
        if found is None:
            raise NotFoundError("找不到这个人")
        return found

    async def names(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Names by id; "" for who is not there any more."""
        found = {id: await self._lying.row(self.entity(PERSON), id) for id in dict.fromkeys(ids)}
        return {id: str(row["name"] or "") if row else "" for id, row in found.items()}

    async def masked_names(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The same behind the mask of names: no audit needs to know who saw them."""
        mask = mask_of(self.entity(PERSON).fields["name"])
        assert mask is not None
        return {id: name and mask.apply(name) for id, name in (await self.names(ids)).items()}

    async def named(self, name: str, column: str, value: str) -> list[str]:
        """Ids of persons with this name and number."""
        where = f"name = {{name}} AND {column} = {{value:{column}}}"
        return [row["id"] for row in await self._lying.rows(self.entity(PERSON), where, name=name, value=value)]

    def entity(self, key: str) -> Entity:
        entity = self._world.entity(key)
        if entity is None:
            raise LookupError(f"manifests/core declares no {key}")
        return entity


def link_stands(link: Row, now: datetime | None = None) -> bool:
    """Verified, and its last day has not come."""
    today = china_day(now or utc_now())
    return link["state"] == "verified" and (link["until"] is None or today < link["until"])


def require_person(actor: Actor) -> str:
    """The core.person a caller is; staff have one too, in their own matters."""
    require_login(actor)
    if actor.person is None and actor.kind == "citizen":
        error = RealNameRequiredError(2)
        error.hint = f"{error.hint}；一个手机号有几位家人的，先用 actAsPerson 选定一位"
        raise error
    if actor.person is None:
        raise PermissionDeniedError("这个账号没有对应的自然人", hint="请用本人的账号登录")
    return actor.person


def require_role(actor: Actor, roles: frozenset[str], what: str) -> str:
    """The core.staff id of whoever works at a counter."""
    require_login(actor)
    if actor.staff is None or actor.agent is not None or not actor.roles & roles:
        raise PermissionDeniedError(f"只有窗口人员可以{what}")
    return actor.staff


def not_guardian() -> PermissionDeniedError:
    return PermissionDeniedError("没有经核验的监护关系", hint="请带监护证明到窗口登记")
