"""A delegation confirmed at a counter by a one-time code: it goes to the principal's phone and is good for these terms,
this clerk and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, PermissionDeniedError

from core.expr.clock import china_day
from core.fields.masks import mask_of
from core.identity.citizens import mobile
from core.identity.codes import DELEGATION, Codes
from core.privacy.desk import Desk
from core.privacy.people import PERSON, Subject
from core.store.engine import HISTORY
from core.store.statement import load_row, statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is delegated."""

    kind: str
    scopes: Sequence[str]
    until: datetime
    since: datetime | None = None
    item_codes: Sequence[str] = ()
    proof: str | None = None
    proof_text: str | None = None


@dataclass(frozen=True, slots=True)
class Confirming:
    """Of one generation."""

    desk: Desk
    codes: Codes
    #: Whose word is asked for, and what does instead.
    whom: str = "委托人"
    paper: str = "请凭委托人签字的凭证登记"

    async def send(self, actor: Actor, staff: str, principal: str, agent: Subject, grant: Grant) -> int:
        """Returns the seconds the code is good for."""
        phone = await self.phone_of(actor, staff, principal, agent.id)
        plugins = self.desk.world.plugins
        names = await self.desk.people.names([agent.id])
        return await self.codes.send(
            phone, actor.id, DELEGATION, _matter(staff, principal, agent.id, grant), agent=names[agent.id],
            apps="、".join(plugins[scope].title for scope in grant.scopes),
            until=china_day(grant.until).isoformat(),
        )  # fmt: skip

    async def spend(self, actor: Actor, staff: str, principal: str, agent: str, grant: Grant, code: str) -> Grant:
        """The terms with a note of how they were confirmed; InvalidInputError for a code that is not theirs."""
        phone = await self.phone_of(actor, staff, principal, agent)
        matter = _matter(staff, principal, agent, grant)
        if not await self.codes.spend(self.codes.key_of(phone), code, DELEGATION, matter):
            problem = InputProblem(("code",), "与发给委托人的不符，或已失效，或委托内容改动过", "delegation.code")
            raise InvalidInputError("确认码不对", [problem], hint="请核对，或重新发送")
        mask = mask_of(self.desk.entity(PERSON).fields["phone"])
        note = f"委托人手机 {mask.apply(phone) if mask else ''} 短信确认"
        return replace(grant, proof_text="；".join(filter(None, (grant.proof_text, note))))

    async def phone_of(self, actor: Actor, staff: str, principal: str, agent: str | None = None) -> str:
        """The principal's own: nobody confirms for him because a number is his, too, or he has just entered it."""
        people = self.desk.people
        phone = (await people.require_subject(principal)).phone
        if phone is None:
            raise InvalidInputError(f"{self.whom}没有登记手机号", hint=self.paper)
        clerk = await self.desk.row("core.staff", staff)
        others = [await people.subject(id) for id in (agent, clerk["person"]) if id]
        if phone in (clerk["phone"], *(other.phone for other in others if other)):
            raise PermissionDeniedError(f"{self.whom}登记的手机号也是代办人或经办人的，不能用来确认", hint=self.paper)
        if await self._entered_by(principal) == actor.id:
            raise PermissionDeniedError(
                f"{self.whom}的手机号是您登记的，不能由您用它确认", hint=f"请其他工作人员登记，或{self.paper[1:]}"
            )
        return mobile(phone)

    async def _entered_by(self, person: str) -> str | None:
        """The account that wrote the phone as it stands."""
        database = self.desk.lying.database
        names = ("actor", "after")
        text = (
            f"SELECT {', '.join(names)} FROM tb_history WHERE entity = {{entity}} AND row_id = {{row:row_id}} "
            "ORDER BY version DESC"
        )
        found = await database.fetch(*statement(database.dialect, HISTORY, text, entity=PERSON, row=person))
        rows = (load_row(database.dialect, HISTORY, names, raw) for raw in found)
        return next((str(row["actor"]) for row in rows if "phone" in (row["after"] or {})), None)


def _matter(staff: str, principal: str, agent: str, grant: Grant) -> str:
    """What the code stands for: whoever changes a word of it needs another."""
    terms = {name: value for name, value in asdict(grant).items() if not name.startswith("proof")}
    return orjson.dumps([staff, principal, agent, terms], option=orjson.OPT_SORT_KEYS, default=list).decode()
