"""A case has ended: its applicant is asked, once, how it went. Whom the answer is about is settled at that moment."""

from __future__ import annotations

from core.cases.step import Step
from core.clock import due
from core.manifest.cases import Limit
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.rating_tables import RATING
from core.store.rows import change
from core.store.statement import statement

#: How long one may rate.
OPEN_FOR = Limit(7, "D")
#: Ends that somebody can be content with or not.
ENDS = frozenset({"done", "refused"})


async def offer(step: Step) -> None:
    """For people and companies only; not for a part of a bundle: the whole is rated. Rated once is rated for good."""
    case = step.case
    if not step.workflow.rating or case.outcome not in ENDS or case.parent or not (case.applicant or case.legal_entity):
        return
    org, role = rated(step)
    calendar = await step.engine.calendars.of(case.division)
    values = {
        "org": org, "role": role, "division": case.division, "offered_at": step.now,
        "closes_at": due(calendar, step.now, OPEN_FOR).at,
    }  # fmt: skip
    dialect = step.engine.database.dialect
    if not step.is_new:
        # Reopened and closed again: who has not rated yet is asked anew.
        await change(step.tx, dialect, RATING, values, "case_id = {case_id} AND stars IS NULL", case_id=case.id)
        text = "SELECT 1 FROM tb_rating WHERE case_id = {case_id}"
        if await step.tx.fetch(*statement(dialect, RATING, text, case_id=case.id)):
            return
    known = {name: getattr(case, name) for name in ("number", "plugin_id", "service", "channel")}
    step.rows.append(Insert(RATING, {"id": uuid7(), "case_id": case.id, **known, **values}))


def rated(step: Step) -> tuple[str | None, str | None]:
    """The unit that answers for the case, and the role its people had: whoever it was dispatched to, else who did a
    task of it last. Checks by others that follow (核查, 结案) are not what is rated."""
    done = [row for row in step.trail if row.task_id in step.tasks and row.org and row.staff]
    given = [row for row in done if _is_given(step, step.tasks[row.task_id or ""].state)]
    last = next(reversed(given or done), None)
    if last is None:
        return step.case.org, None
    return last.org, step.tasks[last.task_id or ""].role


def _is_given(step: Step, state: str) -> bool:
    found = step.workflow.states.get(state)
    return found is not None and bool(found.dispatch or any(part.dispatch for part in found.parts))
