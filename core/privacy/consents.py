"""Agreeing and taking it back: who may speak for whom, and what there is to agree to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from core.audit import Audit, Entry
from core.manifest.consents import PurposeText, purposes_of
from core.manifest.model import Purpose
from core.privacy.consent import Act, ConsentEvent, Given, Ledger
from core.privacy.desk import Desk
from core.privacy.people import PERSON, Subject, not_guardian, require_person, require_role

State = Literal["granted", "withdrawn", "none", "outdated", "not_needed"]
COUNTER = frozenset({"window_clerk"})
_NOTES: Mapping[str, str] = {
    "legal_duty": "依照法定职责处理，不以同意为前提，因此不能撤回；超过保存期限后可以申请删除",
    "contract": "为办理您申请的事项所必需，因此不能单独撤回；撤销申请或超过保存期限后可以申请删除",
}


@dataclass(frozen=True, slots=True)
class PurposeState:
    """One purpose, and how a person stands to it."""

    text: PurposeText
    state: State
    since: datetime | None
    #: Who agreed instead of the person.
    guardian: str | None

    @property
    def can_withdraw(self) -> bool:
        return self.state in ("granted", "outdated")

    @property
    def note(self) -> str:
        """Why it cannot be taken back, or what to do; for the citizen."""
        if self.state == "outdated":
            return "说明文字或所涉信息已有变化，请阅读后重新决定；在此之前不再使用这些信息"
        return _NOTES.get(self.text.purpose.basis, "")


class Consents:
    """Of one generation."""

    def __init__(self, desk: Desk, ledger: Ledger, audit: Audit) -> None:
        self._desk, self._ledger, self._audit = desk, ledger, audit
        self._people, world = desk.people, desk.world
        self._texts = {key: text for p in world.plugins.values() for key, text in purposes_of(p).items()}

    async def states(self, person: str, plugins: Iterable[str] | None = None) -> list[PurposeState]:
        """Every purpose of every running plugin, or of these."""
        latest, only = await self._ledger.latest(person), None if plugins is None else set(plugins)
        texts = [text for text in self._texts.values() if only is None or text.plugin_id in only]
        return [_state(text, latest.get(text.key)) for text in texts]

    async def grant(self, actor: Actor, purpose: str, text_version: str, ward: str | None = None) -> PurposeState:
        """Agree, for oneself or as the guardian of `ward`."""
        text = self._text(purpose, text_version)
        speaker = _speaker(actor)
        person = ward or speaker
        await self._check_may_agree(person, speaker if ward else None)
        return await self._write(actor, text, person, "grant", speaker if ward else None)

    async def grant_at_counter(
        self, actor: Actor, person: str, purpose: str, text_version: str, proof: str, guardian: str | None = None
    ) -> PurposeState:
        """A clerk enters what was signed on paper; for a child, by the guardian."""
        require_role(actor, COUNTER, "代为登记同意")
        await self._desk.check_reach(actor, person)
        await self._desk.check_proof(actor, proof)
        text = self._text(purpose, text_version)
        await self._check_may_agree(person, guardian)
        return await self._write(actor, text, person, "grant", guardian, proof)

    async def withdraw(self, actor: Actor, purpose: str, ward: str | None = None) -> PurposeState:
        """Take it back; reads that rest on it find nothing from this commit on. Works for plugins long gone, too."""
        speaker = _speaker(actor)
        if ward is not None and not await self._people.is_guardian(speaker, ward):
            raise not_guardian()
        return await self._withdraw(actor, purpose, ward or speaker, speaker if ward else None)

    async def withdraw_at_counter(self, actor: Actor, person: str, purpose: str, proof: str) -> PurposeState:
        require_role(actor, COUNTER, "代为登记撤回")
        await self._desk.check_reach(actor, person)
        await self._desk.check_proof(actor, proof)
        return await self._withdraw(actor, purpose, person, None, proof)

    async def _withdraw(
        self, actor: Actor, purpose: str, person: str, guardian: str | None, proof: str | None = None
    ) -> PurposeState:
        known = self._texts.get(purpose)
        if known is not None and known.purpose.basis != "consent":
            raise InvalidInputError(f"“{known.purpose.title}”{_NOTES[known.purpose.basis]}", hint=known.purpose.text)
        last = (await self._ledger.latest(person)).get(purpose)
        if last is None:
            raise NotFoundError("没有这项同意")
        text = known or _gone(last)
        if last.action == "withdraw":
            return _state(text, last)
        return await self._write(actor, text, person, "withdraw", guardian, proof, last)

    async def _write(
        self, actor: Actor, text: PurposeText, person: str, action: Act, guardian: str | None,
        proof: str | None = None, of: ConsentEvent | None = None,
    ) -> PurposeState:  # fmt: skip
        given = Given(
            person=person, purpose=text.key, action=action, guardian=guardian, proof=proof,
            text_version=of.text_version if of else text.version, fields=of.fields if of else text.fields,
        )  # fmt: skip
        entry = Entry(
            actor=actor, action=f"{action}_consent", subjects=(person,), purpose=text.key, entity="tb_consent"
        )
        async with self._desk.lying.database.transaction() as tx:
            person_rows = self._people.entity(PERSON)
            if not await self._desk.lying.rows(person_rows, "id = {id}", tx=tx, lock=True, id=person):
                raise NotFoundError("找不到这个人")
            event = await self._ledger.add(tx, actor, given)
            await self._audit.within(tx, entry)
        return _state(text, event)

    async def _check_may_agree(self, person: str, guardian: str | None) -> None:
        subject = await self._people.require_subject(person)
        if guardian is not None:
            if not await self._people.is_guardian(guardian, person):
                raise not_guardian()
        elif subject.is_child():
            raise PermissionDeniedError(_why_not_alone(subject), hint="由经核验的监护人登录后同意，或到窗口办理")

    def _text(self, purpose: str, version: str) -> PurposeText:
        text = self._texts.get(purpose)
        if text is None:
            raise NotFoundError("没有这个目的", hint="应用可能已停用，请刷新后再看")
        if text.purpose.basis != "consent":
            raise InvalidInputError(f"“{text.purpose.title}”{_NOTES[text.purpose.basis]}")
        if text.version != version:
            raise ConflictError("说明文字已更新", hint="请重新阅读后再决定")
        return text


def _state(text: PurposeText, last: ConsentEvent | None) -> PurposeState:
    if text.purpose.basis != "consent":
        return PurposeState(text, "not_needed", None, None)
    if last is None:
        return PurposeState(text, "none", None, None)
    state: State = "withdrawn" if last.action == "withdraw" else "granted"
    if state == "granted" and last.text_version != text.version:
        state = "outdated"
    return PurposeState(text, state, last.at, last.guardian)


def _gone(event: ConsentEvent) -> PurposeText:
    """The words of a plugin that is no longer here are gone with it; what was agreed to stays."""
    plugin_id, _, id = event.purpose.partition(".")
    purpose = Purpose(id, event.purpose, "consent", "P0D", "应用已停用")
    return PurposeText(plugin_id, plugin_id, purpose, event.fields, event.text_version)


def _speaker(actor: Actor) -> str:
    person = require_person(actor)
    if actor.agent is not None:
        raise PermissionDeniedError("代办人不能替人同意或撤回", hint="由本人登录后决定，或带凭证到窗口办理")
    return person


def _why_not_alone(subject: Subject) -> str:
    if subject.birth_date is None:
        return "没有登记出生日期，不能确认已满十四周岁"
    return "未满十四周岁，须由监护人单独同意（《个人信息保护法》第三十一条）"
