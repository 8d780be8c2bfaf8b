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

Reason = Literal["legal_duty", "contract", "consent_stands", "open_case"]


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
            case "legal_duty":
                return f"依照法定职责用于“{title}”，须保存{kept}，到 {self.until} 为止；此前只保存和保护"
            case "contract":
                return f"为办理“{title}”所必需，须保存{kept}，到 {self.until} 为止；此前只保存和保护"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Of one row: personal fields with a value, split in two."""

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
