"""One person acts for another: given by the principal or at a counter, for some plugins, until a day, taken back at
any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    InputProblem,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RealNameRequiredError,
)

from core.fields.times import utc_now
from core.identity.codes import Codes
from core.manifest.model import DELEGATE
from core.privacy.confirming import Confirming, Grant
from core.privacy.desk import Desk
from core.privacy.people import ADULT_YEARS, DELEGATION, PERSON, Subject, require_person, require_role, years_old
from core.write.values import Row

COUNTER = frozenset({"window_clerk", "community_worker"})
#: Nobody signs away more than this at once; whoever still wants it then gives it again.
LONGEST = timedelta(days=3 * 366)
REAL_NAME_MIN = 2


class Delegations:
    """Of one generation."""

    def __init__(self, desk: Desk, codes: Codes | None = None) -> None:
        self._desk, self._codes = desk, codes

    async def grant(self, actor: Actor, agent: str, grant: Grant) -> str:
        """The caller lets `agent` (core.person id) act for him. Returns the id."""
        person = require_person(actor)
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能再委托别人")
        if actor.kind == "citizen" and actor.real_name < REAL_NAME_MIN:
            raise RealNameRequiredError(REAL_NAME_MIN)
        if grant.kind == "village":
            raise PermissionDeniedError("村级代办须到窗口或村级代办点登记")
        if grant.proof is not None:
            await self._desk.check_proof(actor, grant.proof)
        return await self._create(actor, person, agent, grant, None)

    async def request_code(self, actor: Actor, principal: str, agent: str, grant: Grant) -> int:
        """Send the principal a code that confirms these terms to this clerk. Returns the seconds it is good for."""
        staff = await self._check_counter(actor, principal, agent, grant)
        _, taker = await self._check(principal, agent, grant)
        return await self._confirming().send(actor, staff, principal, taker, grant)

    async def grant_at_counter(
        self, actor: Actor, principal: str, agent: str, grant: Grant, code: str | None = None
    ) -> str:
        """Register what the principal has signed, or has confirmed by the code sent to his phone."""
        staff = await self._check_counter(actor, principal, agent, grant)
        if code is None or grant.proof is not None:
            await self._desk.check_proof(actor, grant.proof)
        if code is None:
            return await self._create(actor, principal, agent, grant, staff)
        await self._check(principal, agent, grant)
        confirmed = await self._confirming().spend(actor, staff, principal, agent, grant, code)
        return await self._create(actor, principal, agent, confirmed, staff)

    async def _check_counter(self, actor: Actor, principal: str, agent: str, grant: Grant) -> str:
        """The core.staff who registers it."""
        staff = require_role(actor, COUNTER, "登记委托")
        await self._desk.check_reach(actor, principal)
        if (await self._desk.row("core.staff", staff))["person"] in (principal, agent):
            raise PermissionDeniedError("不能登记与自己有关的委托", hint="请其他工作人员登记")
        await self._check_village(agent, grant.kind)
        return staff

    def _confirming(self) -> Confirming:
        assert self._codes is not None
        return Confirming(self._desk, self._codes)

    async def revoke(self, actor: Actor, id: str, reason: str = "") -> None:
        """Take it back: the principal, his guardian, or the agent who no longer wants it."""
        person = require_person(actor)
        row = await self._desk.row(DELEGATION, id)
        may = actor.agent is None and (
            person in (row["principal"], row["agent"]) or await self._desk.people.is_guardian(person, row["principal"])
        )
        if not may:
            # Somebody else's delegation and none look alike.
            raise NotFoundError("找不到这条“代办委托”")
        await self._end(actor, row, reason or ("委托人撤销" if person != row["agent"] else "代办人辞去"))

    async def revoke_at_counter(self, actor: Actor, id: str, reason: str) -> None:
        require_role(actor, COUNTER, "撤销委托")
        if not reason.strip():
            raise InvalidInputError("请写明撤销的原因")
        row = await self._desk.row(DELEGATION, id)
        await self._desk.check_reach(actor, row["principal"])
        await self._end(actor, row, reason)

    async def mine(self, actor: Actor) -> tuple[list[Row], list[Row]]:
        """Given and received, the newest first."""
        person = require_person(actor)
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能查看委托人的其他委托", hint="切换回本人身份后查看")
        order = "created_at DESC, id DESC"
        given = await self._desk.rows(DELEGATION, "principal_id = {id:principal_id}", order=order, id=person)
        return given, await self._desk.rows(DELEGATION, "agent_id = {id:agent_id}", order=order, id=person)

    async def find_person(self, actor: Actor, name: str, *, phone: str | None = None, idno: str | None = None) -> str:
        """The person of this name and number. Both must fit: nobody learns whose a number is."""
        require_person(actor)
        column, value = ("idno", idno) if idno else ("phone", phone)
        if not value:
            raise InvalidInputError("请填写代办人的手机号或身份证号")
        found = await self._desk.people.named(name.strip(), column, value)
        if len(found) != 1:
            raise InvalidInputError("找不到姓名和号码都相符的人", hint="请核对，或请代办人先到窗口登记")
        return found[0]

    async def expire(self, actor: Actor, now: datetime | None = None) -> int:
        """Mark those whose time is over; they have not counted since. Returns how many."""
        over = "state = {active:state} AND until <= {now:until}"
        rows = await self._desk.rows(DELEGATION, over, active="active", now=now or utc_now())
        for row in rows:
            await self._desk.update(actor, DELEGATION, row, {"state": "expired"}, "到期")
        return len(rows)

    async def _create(self, actor: Actor, principal: str, agent: str, grant: Grant, staff: str | None) -> str:
        since, _ = await self._check(principal, agent, grant)
        values: Mapping[str, Any] = {
            "principal": principal, "agent": agent, "kind": grant.kind, "scopes": list(grant.scopes), "since": since,
            "item_codes": list(grant.item_codes) or None, "until": grant.until, "proof": grant.proof,
            "proof_text": grant.proof_text, "made_at_counter": staff,
            "division": (await self._desk.row(PERSON, principal))["division"],
        }  # fmt: skip
        why = "窗口登记委托" if staff else "本人委托"
        return (await self._desk.create(actor, DELEGATION, values, why)).id

    async def _check(self, principal: str, agent: str, grant: Grant) -> tuple[datetime, Subject]:
        """From when it counts, and who will act."""
        since = grant.since or utc_now()
        self._check_terms(grant, since)
        giver, taker = await self._desk.people.require_subject(principal), await self._desk.people.subject(agent)
        return since, _check_persons(giver, taker)

    async def _end(self, actor: Actor, row: Row, reason: str) -> None:
        if row["state"] != "active":
            return
        patch = {"state": "revoked", "revoked_at": utc_now(), "revoked_by": actor.id, "revoke_reason": reason[:200]}
        # The sessions under it learn of it by the commit.
        await self._desk.update(actor, DELEGATION, row, patch, reason)

    def _check_terms(self, grant: Grant, since: datetime) -> None:
        problems = [
            InputProblem(("scopes", index), f"没有应用 {scope}", "delegation.scope")
            for index, scope in enumerate(grant.scopes)
            if scope not in self._desk.world.plugins
        ]
        problems += [
            InputProblem(("itemCodes", index), f"{item} 不是所选应用里可以委托的事项", "delegation.item")
            for index, item in enumerate(grant.item_codes)
            if not self._is_item(item, grant.scopes)
        ]
        if not grant.scopes:
            problems.append(InputProblem(("scopes",), "至少选一个应用", "delegation.scope"))
        if not since < grant.until:
            problems.append(InputProblem(("until",), "结束时间应晚于开始时间", "delegation.until"))
        elif grant.until <= utc_now():
            problems.append(InputProblem(("until",), "结束时间已过", "delegation.until"))
        elif grant.until - since > LONGEST:
            problems.append(InputProblem(("until",), "一次委托最长三年", "delegation.until"))
        if problems:
            raise InvalidInputError("委托的内容有误", problems)

    def _is_item(self, key: str, scopes: Sequence[str]) -> bool:
        """An entity of these plugins that a rule opens to delegates."""
        world = self._desk.world
        return key.partition(".")[0] in scopes and any(r.role == DELEGATE and r.entity == key for r in world.rules)

    async def _check_village(self, agent: str, kind: str) -> None:
        """Agents of a village are its staff, so that somebody answers for them."""
        if kind != "village":
            return
        where = "person_id = {id:person_id} AND state = {active:state}"
        if not await self._desk.rows("core.staff", where, id=agent, active="active"):
            raise InvalidInputError("村级代办的代办人应是在岗的村（社区）工作人员")


def _check_persons(giver: Subject, taker: Subject | None) -> Subject:
    if taker is None or taker.state == "deceased":
        raise InvalidInputError("找不到代办人")
    if giver.id == taker.id:
        raise InvalidInputError("不能委托给自己")
    if giver.state == "deceased":
        raise InvalidInputError("委托人已经去世")
    if giver.birth_date is None or years_old(giver.birth_date) < ADULT_YEARS:
        raise PermissionDeniedError("未满十八周岁或没有登记出生日期，不能委托", hint="由监护人代为办理，或到窗口登记")
    if taker.birth_date is None or years_old(taker.birth_date) < ADULT_YEARS:
        raise InvalidInputError("代办人应已满十八周岁并登记了出生日期")
    return taker
