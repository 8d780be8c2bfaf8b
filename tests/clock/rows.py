"""Rows of cases whose clock runs, as the engine leaves them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.clock import Due, Stretch, due
from core.manifest.cases import Limit
from core.store.case_tables import CASE, CASE_PAUSE
from core.store.database import Insert
from core.store.ids import uuid7
from tests.clock.shipped import HAIYUAN, calendar


def case_rows(
    number: str, start: datetime, limit: Limit, pauses: tuple[Stretch, ...] = (), *, division: str = HAIYUAN,
    phase: str = "open", shift: str = "",
) -> list[Insert]:  # fmt: skip
    """A case filed at `start`, with the due date the shipped calendar gives it."""
    id, end = uuid7(), due(calendar(shift or division), start, limit, pauses)
    return [
        Insert(CASE, _case(id, number, start, limit, end, division, phase)),
        *(
            Insert(CASE_PAUSE, {
                "id": uuid7(), "case_id": id, "reason": p.reason, "asked_by": "stf", "from_at": p.since,
                "until_at": p.until, "status": "ended",
            })
            for p in pauses
        ),
    ]  # fmt: skip


def _case(id: str, number: str, start: datetime, limit: Limit, end: Due, division: str, phase: str) -> dict[str, Any]:
    return {
        "id": id, "number": number, "plugin_id": "community", "service": "community.repair", "service_version": 1,
        "workflow": "community.repair", "workflow_version": 1, "entity": "community.repair_order", "row_id": uuid7(),
        "division": division, "account": "res", "channel": "app", "state": "submitted", "phase": phase, "urgency": 0,
        "filed_at": start, "started_at": start, "due_at": end.at, "is_provisional": end.is_provisional,
        "limit": [limit.value, limit.unit, limit.calendar, limit.basis], "version": 1, "updated_at": start,
    }  # fmt: skip
