"""Who acts for a legal entity: its representative, and operators the representative registers and dismisses."""

from __future__ import annotations

from datetime import datetime

from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotFoundError,
    RealNameRequiredError,
)

from core.fields.times import utc_now
from core.privacy.desk import Desk
from core.privacy.people import require_person
from core.write.values import Row

LEGAL_ENTITY, OPERATOR = "core.legal_entity", "core.legal_operator"
REAL_NAME_MIN = 2
#: One that is no more is acted for by nobody.
LIVING = frozenset({"active", "suspended"})


class Operators:
    """Of one generation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def entities_of(self, actor: Actor) -> list[Row]:
        """Legal entities the caller may act for: as representative, or as operator today."""
        person, now = require_person(actor), utc_now()
        if actor.agent is not None:
            return []
        own = await self._desk.rows(LEGAL_ENTITY, "representative_id = {person:representative_id}", person=person)
        rows = await self._desk.rows(OPERATOR, "person_id = {person:person_id}", person=person)
        others = [await self._desk.row(LEGAL_ENTITY, row["legal_entity"]) for row in rows if stands(row, now)]
        found = {row["id"]: row for row in (*own, *others) if row["state"] in LIVING}
        return list(found.values())

    async def register(self, actor: Actor, legal_entity: str, person: str, until: datetime | None) -> str:
        """Make a person an operator; again, when she once was one. Returns the id of the row."""
        await self.require_representative(actor, legal_entity)
        if until is not None and until <= utc_now():
            problem = InputProblem(("until",), "应晚于现在", "operator.until")
            raise InvalidInputError("失效时间不对", [problem])
        return await self._put(actor, legal_entity, person, until)

    async def dismiss(self, actor: Actor, id: str) -> None:
        """An operator acts no more; her tokens end with the row."""
        row = await self._desk.row(OPERATOR, id)
        await self.require_representative(actor, row["legal_entity"])
        if row["kind"] != "operator":
            raise ConflictError("法定代表人由登记机关变更")
        if row["state"] == "active":
            await self._desk.update(actor, OPERATOR, row, {"state": "revoked"}, "撤销经办人")

    async def require_representative(self, actor: Actor, legal_entity: str) -> None:
        person = require_person(actor)
        if actor.agent is None and actor.real_name < REAL_NAME_MIN:
            raise RealNameRequiredError(REAL_NAME_MIN)
        found = await self._desk.rows(LEGAL_ENTITY, "id = {id}", id=legal_entity)
        if not found or actor.agent is not None or found[0]["representative"] != person:
            raise NotFoundError("没有这个法人，或者您不是它的法定代表人")

    async def _put(self, actor: Actor, legal_entity: str, person: str, until: datetime | None) -> str:
        where = "legal_entity_id = {company:legal_entity_id} AND person_id = {person:person_id} AND kind = {kind}"
        rows = await self._desk.rows(OPERATOR, where, company=legal_entity, person=person, kind="operator")
        now = utc_now()
        if not rows:
            values = {"legal_entity": legal_entity, "person": person, "kind": "operator", "since": now, "until": until}
            return (await self._desk.create(actor, OPERATOR, values, "登记经办人")).id
        row = rows[0]
        if not stands(row, now) or row["until"] != until:
            await self._desk.update(
                actor, OPERATOR, row, {"state": "active", "since": now, "until": until}, "登记经办人"
            )
        return str(row["id"])


def stands(row: Row, now: datetime) -> bool:
    return row["state"] == "active" and row["since"] <= now and (row["until"] is None or now < row["until"])
