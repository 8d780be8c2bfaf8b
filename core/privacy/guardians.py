"""Guardian links: one clerk registers what papers say, another verifies it; they end at eighteen or by revocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, PermissionDeniedError

from core.fields.times import utc_now
from core.privacy.desk import Desk
from core.privacy.people import ADULT_YEARS, GUARDIAN_LINK, PERSON, birthday, require_person, require_role, years_old
from core.write.values import Row

COUNTER = frozenset({"window_clerk"})


class Guardians:
    """Of one generation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def register(self, actor: Actor, values: Mapping[str, Any]) -> str:
        """Enter a link of `guardian`, `ward`, `relation`, `proof` and perhaps `proof_text`, `until`; it does not count
        before somebody else has verified it. Returns its id."""
        staff = require_role(actor, COUNTER, "登记监护关系")
        guardian, ward = values["guardian"], values["ward"]
        await self._desk.check_reach(actor, ward)
        ward_born = await self._check(guardian, ward)
        await self._check_apart(staff, guardian, ward)
        await self._desk.check_proof(actor, values.get("proof"))
        ends = [day for day in (values.get("until"), _ends_at(ward_born)) if day is not None]
        given = {**values, "until": min(ends) if ends else None, "state": "pending", "registered_by": staff}
        where = "guardian_id = {guardian:guardian_id} AND ward_id = {ward:ward_id}"
        found = await self._desk.rows(GUARDIAN_LINK, where, guardian=guardian, ward=ward)
        if not found:
            given["division"] = (await self._desk.row(PERSON, ward))["division"]
            return (await self._desk.create(actor, GUARDIAN_LINK, given, "登记监护关系")).id
        if found[0]["state"] != "revoked":
            raise ConflictError("这项监护关系已经登记", hint="待核验的请另一名窗口人员核验")
        again = {**given, "verified_at": None, "verified_by": None}
        return (await self._desk.update(actor, GUARDIAN_LINK, found[0], again, "重新登记监护关系")).id

    async def verify(self, actor: Actor, id: str) -> None:
        """The second pair of eyes: neither who registered it, nor one of the two."""
        staff = require_role(actor, COUNTER, "核验监护关系")
        link = await self._link(actor, id)
        if link["state"] != "pending":
            raise ConflictError("只有待核验的监护关系可以核验")
        # An imported link names nobody.
        if staff == link["registered_by"] or (link["registered_by"] is None and actor.id == link["created_by"]):
            raise PermissionDeniedError("登记人不能核验", hint="请另一名窗口人员核验")
        await self._check_apart(staff, link["guardian"], link["ward"])
        patch = {"state": "verified", "verified_at": utc_now(), "verified_by": staff}
        await self._desk.update(actor, GUARDIAN_LINK, link, patch, "核验监护关系")

    async def revoke(self, actor: Actor, id: str, reason: str) -> None:
        """End a link at a counter."""
        require_role(actor, COUNTER, "撤销监护关系")
        if not reason.strip():
            raise InvalidInputError("请写明撤销的原因")
        link = await self._link(actor, id)
        if link["state"] != "revoked":
            await self._desk.update(actor, GUARDIAN_LINK, link, {"state": "revoked"}, reason)

    async def mine(self, actor: Actor) -> tuple[list[Row], list[Row]]:
        """Links in which the caller is the guardian, and in which the ward."""
        person = require_person(actor)
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能查看监护关系")
        as_guardian = await self._desk.rows(GUARDIAN_LINK, "guardian_id = {id:guardian_id}", id=person)
        return as_guardian, await self._desk.rows(GUARDIAN_LINK, "ward_id = {id:ward_id}", id=person)

    async def complete(self, actor: Actor, now: datetime | None = None) -> int:
        """Links of minors that came without an end (by import) get the day of coming of age. Returns how many."""
        count = 0
        for link in await self._desk.rows(GUARDIAN_LINK, "until IS NULL AND state <> {gone:state}", gone="revoked"):
            ward = await self._desk.people.subject(link["ward"])
            end = ward and _ends_at(ward.birth_date, link["verified_at"] or link["created_at"])
            if end is not None:
                await self._desk.update(actor, GUARDIAN_LINK, link, {"until": end}, "监护到被监护人成年为止")
                count += 1
        return count

    async def _link(self, actor: Actor, id: str) -> Row:
        link = await self._desk.row(GUARDIAN_LINK, id)
        await self._desk.check_reach(actor, link["ward"])
        return link

    async def _check(self, guardian: str, ward: str) -> date | None:
        people = self._desk.people
        if guardian == ward:
            raise InvalidInputError("监护人不能是被监护人自己")
        guards = await people.require_subject(guardian)
        if guards.birth_date is None or years_old(guards.birth_date) < ADULT_YEARS:
            raise InvalidInputError("监护人应已满十八周岁", hint="先登记监护人的出生日期")
        return (await people.require_subject(ward)).birth_date

    async def _check_apart(self, staff: str, *persons: str) -> None:
        mine = (await self._desk.row("core.staff", staff))["person"]
        if mine is not None and mine in persons:
            raise PermissionDeniedError("不能办理与自己有关的监护关系", hint="请其他窗口人员办理")


def _ends_at(born: date | None, at: datetime | None = None) -> date | None:
    """The day of coming of age of somebody who was a minor then; None: guardianship of an adult, or nobody knows."""
    is_minor = born is not None and years_old(born, at) < ADULT_YEARS
    return birthday(born, ADULT_YEARS) if born is not None and is_minor else None
