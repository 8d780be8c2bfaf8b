"""What has happened to a case: for the applicant the public steps in his words, for staff everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor

from core.cases.live import Engine
from core.cases.rows import Case, StepRow
from core.cases.step import REASON
from core.cases.who import is_applicant
from core.manifest.cases import APPLICANT, SYSTEM_ROLE, Workflow
from core.store.rows import read

#: Steps that no workflow names.
TITLES: Mapping[str, str] = {
    "submit": "提交申请", "claim": "认领", "release": "退回待办池", "transfer": "转办", "countersign": "请求会签",
    "sign": "会签", "calendar": "日历调整，办理期限随之调整", "comment": "备注", "pass_on": "无人接单，转派下一位",
    "escalate": "时限预警", "state_due": "环节超时", "supervise": "督办", "answer_supervision": "答复督办",
    "close_supervision": "办结督办", "supervision_due": "督办超期未答复", "approve_pause": "同意挂起",
    "refuse_pause": "不同意挂起", "resume": "恢复办理", "join": "并入已有办件",
    "child_opened": "子办件已受理", "child_ended": "子办件已办完", "child_failed": "子办件没有受理",
    "retry_part": "子办件重新办理", "withdraw_part": "随一件事撤回", "whole_withdrawn": "一件事已撤回，这一件继续办理",
    "opened": "另立办件", "task_opened": "另派任务", "task_done": "另派的任务已做完",
}  # fmt: skip
#: Steps whose reason is addressed to the applicant.
TOLD = frozenset({"correct", "refuse", "extend", "suspend", "withdraw"})


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One step. `staff`, `org` and `reason` are null where the reader may not know them."""

    seq: int
    at: datetime
    action: str
    #: What was done, and what state the case came into ("" = it stayed), in the words of the reader.
    title: str
    state: str
    role: str
    staff: str | None
    org: str | None
    reason: str | None
    facts: Mapping[str, Any] | None
    due_at: datetime | None
    #: Unit of the limit that stood then: "WD".
    unit: str | None
    by_system: bool
    #: Statements that were ticked with it, word for word.
    consents: tuple[str, ...] = ()


async def trail(engine: Engine, actor: Actor, case: Case) -> list[TrailEntry]:
    """The steps of a case the caller sees (`find` has told), the oldest first."""
    workflow = await engine.definitions.workflow(engine.live().world, case.workflow, case.workflow_version)
    dialect = engine.database.dialect
    rows = await read(engine.database, dialect, StepRow, "case_id = {case_id} ORDER BY seq", case_id=case.id)
    is_staff = actor.kind != "citizen"
    # Who joined somebody's case reads how it goes on, not what the applicant wrote or was told.
    is_hers = is_applicant(actor, case)
    shown = [row for row in rows if is_staff or row.is_public]
    words = {row.id: await _words(engine, row) for row in shown if is_staff or is_hers}
    return [replace(_entry(engine, workflow, r, is_staff, is_hers), consents=words.get(r.id, ())) for r in shown]


async def _words(engine: Engine, row: StepRow) -> tuple[str, ...]:
    key = (row.facts or {}).get("words")
    return tuple((await engine.definitions.words(key)).values()) if key else ()


def _entry(engine: Engine, workflow: Workflow, row: StepRow, is_staff: bool, is_hers: bool) -> TrailEntry:
    action, state = workflow.actions.get(row.action), workflow.states.get(row.to_state)
    has_moved = state is not None and row.from_state != row.to_state
    words = (state.title if is_staff else state.public or state.title) if state and has_moved else ""
    is_told = is_staff or (is_hers and (row.role == APPLICANT or (action is not None and action.kind in TOLD)))
    return TrailEntry(
        seq=row.seq, at=row.at, action=row.action, title=action.title if action else TITLES.get(row.action, row.action),
        state=words, role=row.role, staff=row.staff if is_staff else None, org=row.org,
        reason=engine.vault.unseal(row.reason, f"{REASON}{row.id}") if row.reason and is_told else None,
        facts=row.facts if is_staff else None, due_at=row.due_at, unit=row.unit, by_system=row.role == SYSTEM_ROLE,
    )  # fmt: skip
