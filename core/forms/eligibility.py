"""Whether somebody may apply for something now, and if not, why: every reason at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.errors import REAL_NAME_LEVELS, REAL_NAME_WAYS

from core.access import me_of
from core.expr import Expr, paths
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.forms.conditions import answers, coming_row
from core.forms.validate import shown_values
from core.forms.view import form_of
from core.manifest.cases import Service
from core.manifest.model import World
from core.store.database import Database, Transaction

#: Channels where somebody of the staff sits between the county and the person: he sees who it is.
STAFFED = frozenset({"window", "hotline", "agent"})
#: What must be known of an applicant of each kind.
_FACTS: Mapping[str, str] = {"person": "person", "legal": "legal_entity"}
_WAYS: Mapping[str, str] = {
    "app": "手机应用", "web": "网页", "window": "服务窗口", "hotline": "热线", "agent": "帮办代办",
    "device": "自助终端", "system": "系统",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `id` is stable; `message` and `hint` are Chinese and for the citizen."""

    id: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who applies, how, and whether the application runs where he is."""

    actor: Actor
    channel: str = "app"
    state: Literal["on", "draining", "off"] = "on"
    #: Filed for somebody else: his core.person, or the core.legal_entity.
    person: str | None = None
    legal_entity: str | None = None
    now: datetime | None = None


async def eligibility(
    database: Database,
    world: World,
    service: Service,
    standing: Standing,
    values: Mapping[str, Any],
    *,
    is_final: bool = False,
    tx: Transaction | None = None,
) -> tuple[Refusal, ...]:
    """Reasons why the item refuses this application; () = none.

    Before the form is full, what cannot be told yet is no reason. With `is_final` it is, and `values` are what
    `validate` returned. `tx` sees rows it has written itself.
    """
    now = standing.now or utc_now()
    refusals = [*_of_item(service, standing, now), *_of_person(service, standing)]
    if not service.preconditions:
        return tuple(refusals)
    form, me = form_of(world, service), {**me_of(standing.actor), **_for_whom(standing)}
    given = {form.applicant_field: me["person"]} if form.applicant_field and me["person"] else {}
    shown = values if is_final else shown_values(form, values)
    row = coming_row(form.entity, {**shown, **given}, me, now)
    said = await answers(database, world, service, form.entity, row, me, now, tx)
    for precondition, answer in zip(service.preconditions, said, strict=True):
        is_told = is_final or answer is False or not _is_open(precondition.when, row)
        if answer is not True and is_told:
            refusals.append(Refusal("apply.precondition", precondition.message))
    return tuple(refusals)


def _of_item(service: Service, standing: Standing, now: datetime) -> Iterator[Refusal]:
    if standing.state != "on":
        yield Refusal("apply.closed", f"“{service.title}”暂停受理新的申请", "已提交的照常办理；请稍后再来")
    day = china_day(now)
    if day < service.effective_from:
        yield Refusal("apply.not-yet", f"“{service.title}”从 {service.effective_from} 起办理", "到时再来申请")
    if service.effective_to is not None and day > service.effective_to:
        yield Refusal("apply.over", f"“{service.title}”已于 {service.effective_to} 停办", "请查看新的办事指南")
    if standing.channel not in service.channels:
        ways = "、".join(_WAYS[channel] for channel in service.channels)
        yield Refusal(
            "apply.channel", f"“{service.title}”不能从{_WAYS.get(standing.channel, '这里')}办理", f"可以：{ways}"
        )


def _of_person(service: Service, standing: Standing) -> Iterator[Refusal]:
    actor, known = standing.actor, _for_whom(standing)
    if actor.kind == "system":
        # The host opens a case about something, such as an alarm: nobody applies.
        return
    is_called = standing.channel in STAFFED and service.real_name == 0
    if not (is_called or any(known[_FACTS[who]] for who in service.audience)):
        hint = "请以本单位的经办人登录" if service.audience == ("legal",) else "请先登录并实名"
        yield Refusal("apply.audience", f"“{service.title}”面向{_audience(service)}", hint)
    if standing.channel not in STAFFED and actor.real_name < service.real_name:
        level = service.real_name
        yield Refusal("apply.real-name", f"需要{REAL_NAME_LEVELS[level]}", REAL_NAME_WAYS[level])


def _audience(service: Service) -> str:
    return "、".join({"person": "个人", "legal": "法人和其他组织"}[who] for who in service.audience)


def _for_whom(standing: Standing) -> dict[str, str | None]:
    """Whose application it is; who only writes it down for somebody is nobody's applicant."""
    actor = ANONYMOUS if standing.channel in STAFFED else standing.actor
    return {
        "person": standing.person or actor.person,
        "legal_entity": standing.legal_entity or actor.legal_entity,
    }


def _is_open(expr: Expr, row: Mapping[str, Any]) -> bool:
    """Something it asks about has not been filled in yet."""
    return any(row.get(path[0]) is None for path in paths(expr))
