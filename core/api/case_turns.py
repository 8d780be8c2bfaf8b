"""What may happen to a case on its way: it stands still, a leader asks why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from core.api.case_names import names_of
from core.cases.rows import Case, Pause
from core.cases.supervision import Supervision


@strawberry.type(description="期限停下来的一段时间。")
class CasePause:
    reason: str = strawberry.field(description="原因。")
    status: str = strawberry.field(description="asked 等待批准、running 暂停中、ended 已恢复、refused 没有批准。")
    begins_at: datetime | None = strawberry.field(description="开始（UTC）；没有批准的为空。")
    ends_at: datetime | None = strawberry.field(description="结束（UTC）；没有结束的为最迟恢复的时间，没有定的为空。")


@strawberry.type(description="一张督办单。")
class CaseSupervision:
    id: strawberry.ID = strawberry.field(description="标识。")
    case: strawberry.ID = strawberry.field(description="办件编号。")
    cause: str = strawberry.field(description="late 超期自动督办、leader 领导督办。")
    opened_at: datetime = strawberry.field(description="开出的时间（UTC）。")
    due_at: datetime | None = strawberry.field(description="最迟答复的时间（UTC）。")
    answer: str | None = strawberry.field(description="答复；还没有的为空。")
    answered_by: str | None = strawberry.field(description="答复人的姓名。")
    answered_at: datetime | None = strawberry.field(description="答复的时间（UTC）。")
    closed_at: datetime | None = strawberry.field(description="办结的时间（UTC）。")


async def pause_views(context: Any, case: Case, pauses: Sequence[Pause]) -> list[CasePause]:
    """Asked for and refused ones are matters of the staff."""
    cases, is_staff = context.host.cases, context.actor.kind != "citizen"
    workflow = await cases.definitions.workflow(context.generation.world, case.workflow, case.workflow_version)
    return [
        CasePause(
            reason=workflow.pauses.get(pause.reason, pause.reason), status=pause.status, begins_at=pause.from_at,
            ends_at=pause.until_at,
        )
        for pause in pauses
        if is_staff or pause.status in ("running", "ended")
    ]  # fmt: skip


async def supervision_views(context: Any, tickets: Sequence[Supervision]) -> list[CaseSupervision]:
    names = await names_of(context, staff=(ticket.answered_by for ticket in tickets))
    same = ("cause", "opened_at", "due_at", "answer", "answered_at", "closed_at")
    return [
        CaseSupervision(
            id=strawberry.ID(ticket.id), case=strawberry.ID(ticket.number),
            answered_by=names.person(ticket.answered_by), **{name: getattr(ticket, name) for name in same},
        )
        for ticket in tickets
    ]  # fmt: skip
