"""What of a row may be erased, and what the law keeps for how long: decided field by field, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from core.expr.clock import china_day
from core.fields.base import Field
from core.fields.times import utc_now
from core.manifest.model import Purpose
from core.privacy.catalogue import Holding
from core.privacy.consent import ConsentEvent
from core.privacy.retention import parse_retention, told

Reason = Literal["legal_duty", "contract", "consent_stands", "open_case", "shared"]


@dataclass(frozen=True, slots=True)
class Hold:
    """One field that stays."""

    field: Field
    reason: Reason
    purpose: Purpose | None
    #: The first day on which it may go; None: not a matter of time.
    until: date | None

    @property
    def text(self) -> str:
        """For the citizen."""
        title, kept = (self.purpose.title, told(self.purpose.retention)) if self.purpose else ("", "")
        match self.reason:
            case "open_case":
                return "所属的办件还没有办结，办结以后才能删除"
            case "consent_stands":
                return f"您对“{title}”的同意仍然有效，请先撤回同意"
            case "shared":
                return "这条记录同时也是另一个人的，内容为其保存；没有别的保留原因时，抹去的是您与它的联系"
            case "legal_duty":
                return f"依照法定职责用于“{title}”，须保存{kept}，到 {self.until} 为止；此前只保存和保护"
            case "contract":
                return f"为办理“{title}”所必需，须保存{kept}，到 {self.until} 为止；此前只保存和保护"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Of one row: personal fields with a value, split in two.

    Of a row that is somebody else's, too, the values stay, and the refs that name the person may be erased."""

    erasable: tuple[Field, ...]
    holds: tuple[Hold, ...]


def judge(
    holding: Holding, row: Mapping[str, Any], written: Mapping[str, datetime], consents: Mapping[str, ConsentEvent],
    *, is_case_open: bool, now: datetime | None = None,
) -> Ruling:  # fmt: skip
    """`written`: when each field was last filled in, as far as history knows; else the row's creation counts."""
    today = china_day(now or utc_now())
    erasable, holds = [], []
    for field in holding.personal:
        if row[field.name] is None:
            continue
        since = written.get(field.name, row["created_at"])
        hold = _open(holding, field) if is_case_open else _hold(holding, field, since, consents, today)
        if hold is None:
            erasable.append(field)
        else:
            holds.append(hold)
    return Ruling(tuple(erasable), tuple(holds))


def shared(ruling: Ruling, holding: Holding, own: tuple[Field, ...]) -> Ruling:
    """The same, of a row that is about others, too; `own`: the refs that name the person, when nothing else does.

    The law's holds need the name. Without them what a row says goes on being the others', and is no longer this one's.
    """
    also = tuple(Hold(field, "shared", holding.purpose(field), None) for field in ruling.erasable)
    return Ruling(own if also and not ruling.holds else (), (*ruling.holds, *also))


def _open(holding: Holding, field: Field) -> Hold:
    return Hold(field, "open_case", holding.purpose(field), None)


def _hold(
    holding: Holding, field: Field, since: datetime, consents: Mapping[str, ConsentEvent], today: date
) -> Hold | None:
    purpose = holding.purpose(field)
    if purpose is None:
        return None
    if purpose.basis == "consent":
        last = consents.get(f"{holding.entity.plugin_id}.{purpose.id}")
        return Hold(field, "consent_stands", purpose, None) if last and last.action == "grant" else None
    until = parse_retention(purpose.retention).end(since)
    return Hold(field, purpose.basis, purpose, until) if today < until else None
