"""Asking that a wrong fact be put right, and deciding it. Only who may change the fact may decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)

from core.access.visibility import Visibility
from core.expr import Undecided
from core.fields.base import Field, FieldError
from core.fields.times import utc_now
from core.identity.required import require_login
from core.manifest.model import Entity
from core.privacy.desk import Desk
from core.privacy.my_data import MyData
from core.privacy.people import require_person
from core.write.values import Row

REQUEST = "core.correction_request"


class Corrections:
    """Of one generation."""

    def __init__(self, desk: Desk, my_data: MyData) -> None:
        self._desk, self._my_data = desk, my_data

    async def ask(
        self, actor: Actor, key: str, id: str, field: str, value: str, reason: str, ward: str | None = None
    ) -> str:
        """Ask for a correction of a row about oneself or a ward. It lies where the row lies, so that the staff of that
        place and department find it. Returns its id."""
        person = require_person(actor)
        if actor.agent is not None and not {key, key.partition(".")[0]} & set(actor.scopes):
            raise PermissionDeniedError("委托的范围不含这个应用")
        if actor.agent is not None and ward not in (None, person):
            raise PermissionDeniedError("代办人不能替委托人行使监护", hint="由监护人本人登录后办理")
        person = await self._desk.people.self_or_ward(person, ward)
        found = await self._my_data.find(person, key, id)
        if found is None:
            raise NotFoundError("没有这条与您有关的数据")
        holding, row = found
        declared = holding.entity.fields.get(field)
        if declared is None or not declared.is_writable:
            raise InvalidInputError(
                "没有这个可更正的字段", [InputProblem(("field",), "没有这个字段", "correction.field")]
            )
        _accepted(declared, value)
        open_ = "person_id = {person:person_id} AND row_id = {row:row_id} AND field = {field} AND state = {state}"
        same = {"person": person, "row": row["id"], "field": field, "state": "submitted"}
        if await self._desk.rows(REQUEST, open_, **same):
            raise ConflictError("这一项已经有待受理的更正申请")
        values = {
            "person": person, "entity": key, "row_id": row["id"], "field": field, "stated_value": value,
            "reason": reason or None, "division": row["division"], "org": row["org"],
        }  # fmt: skip
        return (await self._desk.create(actor, REQUEST, values, "本人申请更正")).id

    async def decide(self, actor: Actor, id: str, accepts: bool, answer: str, value: str | None = None) -> None:
        """Put it right (with `value` where it differs from what was asked) or refuse, with an answer to the person."""
        if require_login(actor).kind != "staff":
            raise PermissionDeniedError("只有主管部门的工作人员可以办理更正")
        request = await self._desk.row(REQUEST, id)
        if request["state"] not in ("submitted", "accepted"):
            raise ConflictError("这件更正申请已经办结")
        if not answer.strip():
            raise InvalidInputError("请写明答复", [InputProblem(("answer",), "请写明答复", "correction.answer")])
        entity, row = await self._row(actor, request)
        field = entity.fields[request["field"]]
        patch = {
            "state": "corrected" if accepts else "refused", "handled_by": actor.staff, "handled_at": utc_now(),
            "answer": answer,
        }  # fmt: skip
        async with self._desk.lying.database.transaction() as tx:
            desk = replace(self._desk, writer=self._desk.writer.within(tx))
            if accepts:
                new = {field.name: _accepted(field, request["stated_value"] if value is None else value)}
                await desk.writer.update(actor, entity, row["id"], row["version"], new, why="按本人的更正申请")
            await desk.update(actor, REQUEST, request, patch, "办理更正申请")

    async def _row(self, actor: Actor, request: Row) -> tuple[Entity, Row]:
        """The row in question, for whoever may change the field there; to others the request does not exist."""
        entity = self._desk.world.entity(request["entity"])
        row = entity and await self._desk.lying.row(entity, request["row_id"])
        if entity is None or not row:
            raise ConflictError("要更正的数据已不在，或应用已停用", hint="启用应用后再办理")
        if await self._my_data.find(request["person"], entity.key, row["id"]) is None:
            raise ConflictError("这条数据与申请人无关", hint="数据可能已转到别人名下")
        if not await self._may(actor, entity, row, request["field"]):
            raise NotFoundError("找不到这条“更正申请”")
        return entity, row

    async def _may(self, actor: Actor, entity: Entity, row: Row, field: str) -> bool:
        access = self._desk.access
        try:
            return access.allows(actor, entity, "update", row, (field,)) is not None
        except Undecided:
            # A rule that walks to other rows; when it comes to writing, the writer asks the database.
            can = any(field in rule.fields for rule in access.rules(actor.roles, entity.key, "update"))
            visibility = Visibility(self._desk.world, access, self._desk.lying.database)
            return can and await visibility.sees_row(actor, entity, row["id"])


def _accepted(field: Field, text: str) -> Any:
    """The text as an input of the field; what is no text is written as JSON writes it (3, true)."""
    problems: list[InputProblem] = []
    for value in (text, *_as_json(text)):
        try:
            field.parse(value)
        except FieldError as error:
            problems.append(InputProblem(("value",), error.message, error.id))
        else:
            return value
    raise InvalidInputError("更正的内容有误", problems[-1:])


def _as_json(text: str) -> list[Any]:
    try:
        return [orjson.loads(text)]
    except orjson.JSONDecodeError:
        return []
