"""Why a case is due when it is: the sentence, and the days that were counted."""

from __future__ import annotations

from dataclasses import dataclass

from core.cases.live import Engine
from core.cases.rows import Case, Pause
from core.cases.timing import explain_due, limit_of, stretches
from core.clock import due
from core.clock.days import Day
from core.store.rows import read


@dataclass(frozen=True, slots=True)
class Explained:
    """Both empty without a limit and before the clock has begun; no days while it stands still."""

    sentence: str
    days: tuple[Day, ...]


async def explained(engine: Engine, case: Case) -> Explained:
    """Of a case the caller sees."""
    dialect = engine.database.dialect
    pauses = await read(engine.database, dialect, Pause, "case_id = {case_id} ORDER BY id", case_id=case.id)
    workflow = await engine.definitions.workflow(engine.live().world, case.workflow, case.workflow_version)
    calendar = await engine.calendars.of(case.division)
    sentence = explain_due(calendar, case, pauses, dict(workflow.pauses))
    if case.started_at is None or case.limit is None or any(pause.status == "running" for pause in pauses):
        return Explained(sentence, ())
    return Explained(sentence, due(calendar, case.started_at, limit_of(case), stretches(pauses)).days)
