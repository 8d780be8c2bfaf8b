"""Somebody files: who for, may he, is the form right; then the row, the case and its first state in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    RealNameRequiredError,
)

from core.access.service import service_actor
from core.cases import merging, records
from core.cases.acting import once
from core.cases.effects import event_row
from core.cases.entering import enter, start_clock_by
from core.cases.holding import case_of, find
from core.cases.live import Engine
from core.cases.participants import FOUNDATION
from core.cases.rows import Case
from core.cases.step import Step
from core.fields.places import Grid
from core.fields.times import utc_now
from core.forms.drafts import Drafts
from core.forms.eligibility import STAFFED, Refusal, Standing, eligibility
from core.forms.validate import validate
from core.forms.view import form_of
from core.manifest.cases import APPLICANT, SYSTEM_ROLE, Service
from core.manifest.model import Entity
from core.store.case_tables import CASE
from core.store.database import Insert, Transaction
from core.store.dialect import quote
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.statement import statement
from core.store.tables import table_of
from core.write import Written
from core.write.once import Once

SUBMIT = "submit"


@dataclass(frozen=True, slots=True)
class Filing:
    """An application as it comes in."""

    actor: Actor
    service: Service
    values: Mapping[str, Any]
    channel: str = "app"
    #: Ids of the statements the person has ticked himself.
    consents: tuple[str, ...] = ()
    #: core.person it is filed for by staff; citizens file for themselves or their principal.
    applicant: str | None = None
    #: What else the case is from its beginning: parent and child, about, joined, urgency.
    more: Mapping[str, Any] | None = None

    @property
    def person(self) -> str | None:
        """Whom it is for; a company's operator files for the company."""
        if self.actor.kind == "citizen":
            return None if self.actor.legal_entity else self.actor.person
        return self.applicant


async def submit(
    engine: Engine, actor: Actor, service: str, values: Mapping[str, Any], *, key: str | None = None,
    channel: str = "app", consents: Collection[str] = (), applicant: str | None = None, draft: str | None = None,
) -> Case:  # fmt: skip
    """File under a service item; the draft it was written in goes. Repeated under one key: the same case."""
    made = uuid7()
    asked = _asked(service, values, channel, consents, applicant)

    async def work(tx: Transaction, beside: Sequence[Insert]) -> Case:
        found = engine.definitions.newest(engine.live().world, service, utc_now())
        if draft is not None:
            await Drafts(engine.database, engine.vault).delete_in(tx, actor, draft)
        filing = Filing(actor, found, values, channel, tuple(consents), applicant)
        return await file_in(engine, tx, filing, made, beside)

    async def again(id: str) -> Case:
        return await case_of(engine, id)

    return await once(engine, actor, key, asked, work, again, made)


async def filed_before(
    engine: Engine, actor: Actor, service: str, values: Mapping[str, Any], *, key: str | None, channel: str,
    consents: Collection[str], applicant: str | None,
) -> Case | None:  # fmt: skip
    """What `submit` has made under this key; for who must ask something that is answered once before filing."""
    if key is None:
        return None
    asked = _asked(service, values, channel, consents, applicant)
    made = await Once(engine.database, engine.vault, actor, key, asked).made()
    return None if made is None else await case_of(engine, made)


def _asked(
    service: str, values: Mapping[str, Any], channel: str, consents: Collection[str], applicant: str | None
) -> list[Any]:
    """What tells one application from another."""
    return [service, dict(values), channel, sorted(consents), applicant]


async def file_in(engine: Engine, tx: Transaction, filing: Filing, id: str, beside: Sequence[Insert] = ()) -> Case:
    """The same inside a transaction of the caller, with rows of his: bundles and effects open cases too."""
    live, now = engine.live(), utc_now()
    entity = live.world.entities[filing.service.entity]
    _check_who(filing)
    kept = await _checked_values(engine, tx, filing)
    filing = replace(filing, more=await _about(engine, tx, filing, kept))
    written = await live.writer.within(tx).create(_writing(filing.actor), entity, kept, why=f"case.{SUBMIT}")
    workflow = engine.definitions.workflow_for(live.world, filing.service)
    await engine.definitions.keep(tx, workflow, filing.service)
    case = _case(filing, entity, written, id, now, (workflow.key, workflow.version))
    step = Step(
        engine, live, tx, now, filing.actor, case, filing.service, workflow, entity, SUBMIT,
        row_version=written.version, row=written.row, is_new=True, rows=[*beside],
    )  # fmt: skip
    facts = await _ticked(engine, tx, filing)
    role = {"citizen": APPLICANT, "system": SYSTEM_ROLE}.get(filing.actor.kind, "staff")
    step.record(SUBMIT, "", workflow.start, role=role, facts=facts)
    if (into := await merging.older(step)) is not None:
        await merging.join(step, into)
    else:
        await start_clock_by(step, SUBMIT)
        await enter(step, workflow.start)
    step.rows.append(event_row(step, "case.created"))
    if step.case.is_open:
        step.rows.append(records.begin(step))
    try:
        return await step.finish()
    except UniqueError as error:
        if error.table != CASE.name:
            raise
        hint = "请联系系统管理员检查各实体的编号格式"
        raise ConflictError(f"编号 {case.number} 已是另一件办件的，没有受理", hint=hint) from None


async def _ticked(engine: Engine, tx: Transaction, filing: Filing) -> Mapping[str, Any] | None:
    """The statements the person has ticked, and where their words lie: what was agreed to is known for good."""
    asked = form_of(engine.live().world, filing.service).consents
    words = {id: asked[id] for id in sorted({*filing.consents}) if id in asked}
    return {"consents": list(words), "words": await engine.definitions.keep_words(tx, words)} if words else None


async def _about(engine: Engine, tx: Transaction, filing: Filing, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The case it is about, where the item names one: seen by who files, held, and not asked about twice at a time."""
    number = values.get(filing.service.about)
    if not filing.service.about or filing.actor.kind == "system":
        return filing.more or {}
    try:
        case = await find(engine, filing.actor, str(number or ""), source=tx, hold=True)
    except NotFoundError as error:
        problem = InputProblem(("values", filing.service.about), error.message, "case.about")
        raise InvalidInputError("填写的内容有误", [problem], hint="请在自己的办件里提出") from None
    if case.service == filing.service.key:
        raise ConflictError(f"“{filing.service.title}”不能针对另一件“{filing.service.title}”")
    mine = "SELECT 1 FROM tb_case WHERE about = {about} AND account = {account} AND service = {service} "
    named = {"about": case.id, "account": filing.actor.id, "service": filing.service.key}
    if await tx.fetch(*statement(engine.database.dialect, CASE, f"{mine}AND closed_at IS NULL", **named)):
        raise ConflictError(f"对这件办件的“{filing.service.title}”正在处理", hint="请等答复")
    return {**(filing.more or {}), "about": case.id}


def _writing(actor: Actor) -> Actor:
    """A delegate may name his principal, whatever the delegation covers, and the engine the applicant of another case:
    the rules open no other person to them."""
    if actor.kind == "system":
        return replace(actor, roles=actor.roles | service_actor(FOUNDATION).roles)
    return replace(actor, scopes=(*actor.scopes, "core.person")) if actor.agent is not None else actor


def _check_who(filing: Filing) -> None:
    actor = filing.actor
    if actor.kind == "anonymous":
        raise NotAuthenticatedError("请先登录再申请")
    if filing.applicant is not None and actor.kind == "citizen" and filing.applicant != actor.person:
        raise PermissionDeniedError("只能为本人申请", hint="为他人办理，请先取得委托并切换身份")
    if actor.kind == "citizen" and filing.channel in STAFFED:
        raise PermissionDeniedError("这个渠道由工作人员受理")
    if actor.agent is not None and not {filing.service.plugin_id, filing.service.entity} & set(actor.scopes):
        raise PermissionDeniedError("委托没有包括这个事项", hint="请委托人另行委托，或由本人申请")


async def _checked_values(engine: Engine, tx: Transaction, filing: Filing) -> dict[str, Any]:
    """The values as the form keeps them, with the applicant in his field; every refusal before anything is written."""
    world = engine.live().world
    form = form_of(world, filing.service)
    kept = validate(form, filing.values, filing.consents)
    standing = Standing(filing.actor, filing.channel, person=filing.person)
    found = await eligibility(engine.database, world, filing.service, standing, kept, is_final=True, tx=tx)
    if found:
        _refuse(filing.service, found)
    if form.applicant_field and filing.person:
        kept[form.applicant_field] = filing.person
    if kept.get(form.entity.division_from) is None:
        place = await place_of(tx, engine, filing, form.entity, kept)
        opened = engine.live().access.rules(filing.actor.roles, form.entity.key, "create")
        if place and any("division" in rule.fields for rule in opened):
            kept["division"] = place
    return kept


async def place_of(
    tx: Transaction, engine: Engine, filing: Filing, entity: Entity, values: Mapping[str, Any]
) -> str | None:
    """Where a matter lies: in the grid that the values name, else where the citizen (the company) is registered; what
    staff write down without a grid, where they work (None)."""
    grid = next((values[f.name] for f in entity.fields.values() if isinstance(f, Grid) and values.get(f.name)), None)
    if grid is not None:
        return str(grid)[:12]
    if filing.actor.division is not None:
        return None
    legal = filing.actor.legal_entity
    key, id = ("core.legal_entity", legal) if legal else ("core.person", filing.person)
    found = engine.live().world.entity(key)
    if found is None or id is None:
        return None
    table = table_of(found)
    text = f"SELECT division FROM {quote(table.name)} WHERE id = {{id}}"
    place: str | None = await tx.fetch_value(*statement(engine.database.dialect, table, text, id=id))
    return place


def _refuse(service: Service, refusals: Collection[Refusal]) -> None:
    if any(refusal.id == "apply.real-name" for refusal in refusals):
        raise RealNameRequiredError(service.real_name)
    problems = [InputProblem(("service",), r.message, r.id) for r in refusals]
    hint = "；".join(r.hint for r in refusals if r.hint)
    raise InvalidInputError("不符合办理条件：" + "；".join(r.message for r in refusals), problems, hint=hint)


def _case(filing: Filing, entity: Entity, written: Written, id: str, now: datetime, workflow: tuple[str, int]) -> Case:
    row, actor, service = written.row, filing.actor, filing.service
    legal = actor.legal_entity if actor.kind == "citizen" else None
    values: dict[str, Any] = {
        "id": id, "number": row[entity.case], "plugin_id": service.plugin_id, "service": service.key,
        "service_version": service.version, "workflow": workflow[0], "workflow_version": workflow[1],
        "entity": entity.key, "row_id": written.id, "division": row["division"] or actor.division or "",
        "grid": next((row[f.name] for f in entity.fields.values() if isinstance(f, Grid)), None),
        "org": actor.org, "owner": None, "applicant": filing.person, "legal_entity": legal,
        "agent": actor.agent or (actor.person if legal or filing.applicant else None), "account": actor.id,
        "channel": filing.channel, "state": "", "phase": "open", "urgency": 0, "parent": None, "child": None,
        "joined": None, "about": None, "filed_at": now, "started_at": None, "due_at": None, "yellow_at": None,
        "orange_at": None, "purple_at": None, "is_provisional": False, "limit": None, "closed_at": None,
        "outcome": None, "version": 1, "updated_at": now,
    }  # fmt: skip
    return Case(**{**values, **(filing.more or {})})
