"""What a step tells people: the effect `message`, the chain of escalation, and a message that reached nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from core.cases.cases import Cases
from core.cases.deadlines import ESCALATE
from core.cases.dispatching import members
from core.cases.effects import event_row
from core.cases.escalating import TOLD_MAX
from core.cases.holding import system_step
from core.cases.rows import Case
from core.cases.step import Step
from core.expr.clock import CHINA
from core.manifest.cases import APPLICANT, ASSIGNEE, NOWHERE, SYSTEM_ROLE
from core.manifest.outputs import MessageTemplate
from core.messages import Message, Messages, Recipient
from core.privacy.people import GUARDIAN_LINK, link_stands
from core.privacy.rows import Lying
from core.store.case_tables import CASE, CASE_PARTY
from core.store.database import Transaction
from core.store.rows import read
from core.store.statement import statement

#: Line of the trail: no channel has reached a person.
UNREACHED = "unreached"
_TITLES = {"submit": "提交"}
LATE = MessageTemplate(
    plugin_id="core", id="late", title="办件期限提醒", text="{item}（{case_no}）现在{state}，办结期限{due}，请督促办理",
    channels=("inbox",), must_reach_within=None, to=ASSIGNEE, place=NOWHERE,
)  # fmt: skip
MISSED = MessageTemplate(
    plugin_id="core", id="missed", title="消息没有送达", text="{item}（{case_no}）的消息都没有送达，请当面或上门告知",
    channels=("inbox",), must_reach_within=None, to=ASSIGNEE, place=NOWHERE,
)  # fmt: skip


def tell(cases: Cases, messages: Messages) -> None:
    """Join both rooms."""

    async def message(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        plugin_id, _, id = str(args["template"]).partition(".")
        plugin = step.live.world.plugins.get(plugin_id)
        template = plugin.messages.get(id) if plugin else None
        # A case that began under an older manifest may name words that are gone: no reason to refuse the step.
        if template is None:
            return
        action = _action_title(step)

        async def send() -> None:
            to = [one async for one in recipients(step, template.to)]
            await messages.send_in(
                tx, template, to, await facts_of(step, action), step.case.number, division=step.case.division
            )

        # Only at the end of the step it is known in which state the case is, and who has it.
        step.later.append(send)

    async def late(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        to = [Recipient(staff=staff) for staff in args["staff"]]
        facts = await facts_of(step, "")
        await messages.send_in(tx, LATE, to, facts, step.case.number, division=step.case.division)

    async def unreached(tx: Transaction, message: Message) -> None:
        """The staff of the case must find another way."""
        engine = cases.engine
        found = await read(tx, engine.database.dialect, Case, "number = {number}", number=message.case_number or "")
        if not found or not found[0].is_open:
            return
        step = await system_step(engine, tx, found[0].id, UNREACHED)
        state, facts = step.case.state, {"message": message.id}
        step.record(UNREACHED, state, state, role=SYSTEM_ROLE, facts=facts, is_public=False)
        step.rows.append(event_row(step, "case.unreached"))
        to = [one async for one in recipients(step, ASSIGNEE)]
        for role in step.state.roles if not to else ():
            to += [one async for one in recipients(step, role)]
        words = await facts_of(step, "")
        await messages.send_in(tx, MISSED, to, words, step.case.number, division=step.case.division)
        await step.finish()

    cases.effects.register("message", message)
    cases.effects.register(ESCALATE, late)
    messages.delivering.unreached = unreached


async def recipients(step: Step, to: str) -> AsyncIterator[Recipient]:
    """Whom a template means; nobody for an application without an applicant, or a state without staff."""
    case = step.case
    if to in (APPLICANT, "reporters"):
        if case.legal_entity is not None:
            yield Recipient(person=case.agent, legal_entity=case.legal_entity)
        elif case.applicant is not None:
            yield Recipient(person=case.applicant)
            for guardian in await _guardians(step, case.applicant):
                yield Recipient(person=guardian)
        if to == "reporters":
            for person in await _reporters(step):
                yield Recipient(person=person)
    elif to == ASSIGNEE:
        for staff in sorted(step.holders):
            yield Recipient(staff=staff)
    else:
        unit = await members(step, to, org=case.org) if case.org else []
        for member in (unit or await members(step, to))[:TOLD_MAX]:
            yield Recipient(staff=member.id)


async def _guardians(step: Step, ward: str) -> list[str]:
    """Of a child: who speaks for her hears what she is told."""
    entity = step.live.world.entity(GUARDIAN_LINK)
    if entity is None:
        return []
    lying = Lying(step.engine.database, step.engine.vault)
    links = await lying.rows(entity, "ward_id = {ward:ward_id}", tx=step.tx, ward=ward)
    return [link["guardian"] for link in links if link_stands(link, step.now)]


async def _reporters(step: Step) -> list[str]:
    dialect = step.engine.database.dialect
    text = "SELECT person FROM tb_case_party WHERE case_id = {id:case_id} AND kind = 'reporter' AND person IS NOT NULL"
    rows = await step.tx.fetch(*statement(dialect, CASE_PARTY, text + " ORDER BY id", id=step.case.id))
    return [dialect.load(CASE_PARTY.by_name["person"], row[0]) for row in rows]


async def facts_of(step: Step, action: str) -> dict[str, str]:
    """All that words may say of a case: codes, titles and times, nothing anybody wrote."""
    state = step.workflow.states.get(step.case.state)
    return {
        "case_no": step.case.number, "item": step.service.title, "action": action, "due": _day_time(step.case.due_at),
        "state": (state.public or state.title) if state else "", "unit": await _unit(step),
    }  # fmt: skip


def _action_title(step: Step) -> str:
    action = step.workflow.actions.get(step.action)
    return action.title if action else _TITLES.get(step.action, "")


async def _unit(step: Step) -> str:
    """The unit that answers, else the department of the application."""
    if step.case.org is not None:
        dialect = step.engine.database.dialect
        text = "SELECT name FROM core_org_unit WHERE id = {org}"
        name = await step.tx.fetch_value(*statement(dialect, CASE, text, org=step.case.org))
        if name:
            return str(name)
    plugin = step.live.world.plugins.get(step.case.plugin_id)
    return str(plugin.department.get("name", "")) if plugin else ""


def _day_time(at: datetime | None) -> str:
    if at is None:
        return ""
    local = at.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日{local:%H:%M}"
