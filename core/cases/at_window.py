"""Filing for somebody who sits at the counter or is on the phone: staff write, the person's own word counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, PermissionDeniedError

from core.audit import Entry
from core.cases.filing import filed_before, submit
from core.cases.live import Engine
from core.cases.rows import Case
from core.fields.times import utc_now
from core.forms.validate import validate
from core.forms.view import form_of
from core.identity.codes import FILING, Codes
from core.identity.required import require_role
from core.manifest.cases import Service
from core.privacy.confirming import Confirming
from core.privacy.desk import Desk

#: Channel → who of the staff sits there.
SEATS: Mapping[str, frozenset[str]] = {
    "window": frozenset({"window_clerk"}),
    "agent": frozenset({"window_clerk", "community_worker", "grid_worker"}),
    "hotline": frozenset({"hotline_agent"}),
}
#: Where the person's word is in writing or by code; who calls has said it.
CONFIRMED = frozenset({"window", "agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """As the person has agreed to it. A code confirms every word of it."""

    service: str
    #: core.person who applies.
    applicant: str
    values: Mapping[str, Any]
    consents: Collection[str] = ()
    channel: str = "window"


@dataclass(frozen=True, slots=True)
class AtWindow:
    """Of one generation."""

    engine: Engine
    desk: Desk
    codes: Codes

    async def send(self, actor: Actor, application: Application) -> int:
        """A code to the person's own phone; returns the seconds it is good for."""
        staff = await self._seat(actor, application)
        service = self._checked(application)
        phone = await self._confirming.phone_of(actor, staff, application.applicant)
        about = _matter(staff, application)
        return await self.codes.send(phone, actor.id, FILING, about, service=service.title)

    async def submit(
        self, actor: Actor, application: Application, *, code: str | None = None, proof: str | None = None,
        key: str | None = None,
    ) -> Case:  # fmt: skip
        """File it. At a window with the code, or the signed paper (core.file) that was just uploaded."""
        staff = await self._seat(actor, application)
        given: dict[str, Any] = {
            "channel": application.channel, "consents": application.consents, "applicant": application.applicant,
        }  # fmt: skip
        made = await filed_before(self.engine, actor, application.service, application.values, key=key, **given)
        if made is not None:
            return made
        self._checked(application)
        how = await self._confirm(actor, staff, application, code, proof)
        case = await submit(self.engine, actor, application.service, application.values, key=key, **given)
        told = Entry(
            actor, "submit_case_at_window", case.entity, case.row_id, subjects=(application.applicant,),
            case=case.number, detail=how,
        )  # fmt: skip
        await self.engine.audit.record(told)
        return case

    @property
    def _confirming(self) -> Confirming:
        return Confirming(self.desk, self.codes, "申请人", "请凭申请人签字的申请表办理")

    async def _seat(self, actor: Actor, application: Application) -> str:
        """The core.staff of who may file this way, for somebody of his own district."""
        roles = SEATS.get(application.channel)
        if roles is None:
            message = f"应为以下之一：{'、'.join(SEATS)}"
            raise InvalidInputError("填写的内容有误", [InputProblem(("channel",), message, "window.channel")])
        require_role(actor, roles, "这个渠道不由您受理")
        if actor.staff is None:
            raise PermissionDeniedError("这个渠道由工作人员受理")
        await self.desk.check_reach(actor, application.applicant)
        return actor.staff

    def _checked(self, application: Application) -> Service:
        """What is wrong is said before a code is sent or used up."""
        world = self.engine.live().world
        service = self.engine.definitions.newest(world, application.service, utc_now())
        validate(form_of(world, service), application.values, application.consents)
        return service

    async def _confirm(
        self, actor: Actor, staff: str, application: Application, code: str | None, proof: str | None
    ) -> str:
        if application.channel not in CONFIRMED:
            return "来电人口头申请"
        if code is None:
            await self.desk.check_proof(actor, proof)
            return f"申请人签字的凭证 {proof}"
        phone = await self._confirming.phone_of(actor, staff, application.applicant)
        if not await self.codes.spend(self.codes.key_of(phone), code, FILING, _matter(staff, application)):
            problem = InputProblem(("code",), "与发给申请人的不符，或已失效，或申请的内容改动过", "window.code")
            raise InvalidInputError("确认码不对", [problem], hint="请核对，或重新发送")
        return "申请人手机短信确认"


def _matter(staff: str, application: Application) -> str:
    """What the code stands for: whoever changes a word of it needs another."""
    terms = [staff, application.service, application.applicant, application.values, sorted(application.consents)]
    return orjson.dumps([*terms, application.channel], option=orjson.OPT_SORT_KEYS).decode()
