"""A new report of what an open case is about already joins that case; its own row and number stay."""

from __future__ import annotations

from datetime import timedelta

from core.cases.effects import event_row
from core.cases.holding import system_step
from core.cases.nearness import METRES_PER_DEGREE, Spot, metres
from core.cases.step import Step
from core.fields.column import Column, Table
from core.manifest.cases import SYSTEM_ROLE, Merge
from core.store.case_tables import CASE, CASE_PARTY, CASE_RECORD
from core.store.database import Insert
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.statement import statement
from core.store.tables import table_of

JOIN, MERGED, REPORTER = "join", "merged", "reporter"


async def older(step: Step) -> str | None:
    """Id of the oldest open case of the workflow within distance and hours, with the same value; None without one.

    Whoever files beside us waits: of two reports at one moment the second finds the first."""
    merge = step.workflow.merge
    spot = step.row.get(merge.point) if merge else None
    if merge is None or spot is None or step.row.get(merge.same) is None:
        return None
    await _wait(step, f"{step.workflow.key} {step.row[merge.same]}")
    found = [(id, (int(lng), int(lat))) for id, lng, lat in await _near(step, merge, spot)]
    here = [id for id, other in found if metres(spot, other) <= merge.within_m]
    return step.engine.database.dialect.load(CASE.by_name["id"], here[0]) if here else None


async def _wait(step: Step, what: str) -> None:
    """SQLite has one writer."""
    if step.engine.database.dialect.name == "postgres":
        await step.tx.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [what])


async def _near(step: Step, merge: Merge, spot: Spot) -> list[tuple[str, int, int]]:
    """In a square around the spot, the oldest first."""
    rows, same = table_of(step.entity), step.entity.fields[merge.same].columns()[0]
    lng, lat = (column.name for column in step.entity.fields[merge.point].columns())
    far = round(merge.within_m / METRES_PER_DEGREE * 1e7) + 1
    # Half as far again for each degree of longitude: the county lies at 37° north, China ends at 54°.
    wide = far * 2
    table = Table("asked", (*CASE.columns, Column("same", same.kind, same.scale), Column("place", "int")))
    text = (
        f"SELECT c.id, r.{quote(lng)}, r.{quote(lat)} FROM tb_case c JOIN {quote(rows.name)} r ON r.id = c.row_id "
        "WHERE c.plugin_id = {plugin_id} AND c.phase IN ('open', 'paused') AND c.workflow = {workflow} "
        "AND c.filed_at >= {since:filed_at} AND c.id <> {id} "
        f"AND r.{quote(same.name)} = {{same}} AND r.{quote(lng)} BETWEEN {{west:place}} AND {{east:place}} "
        f"AND r.{quote(lat)} BETWEEN {{south:place}} AND {{north:place}} ORDER BY c.filed_at, c.id"
    )
    found = await step.tx.fetch(*statement(
        step.engine.database.dialect, table, text, plugin_id=step.case.plugin_id, workflow=step.workflow.key,
        since=step.now - timedelta(hours=merge.within_h), id=step.case.id, same=step.row[merge.same],
        west=spot[0] - wide, east=spot[0] + wide, south=spot[1] - far, north=spot[1] + far,
    ))  # fmt: skip
    return [(row[0], row[1], row[2]) for row in found]


async def join(step: Step, into: str) -> None:
    """The case under way goes no further by itself: who filed it is a reporter of the other one from now on."""
    main = await system_step(step.engine, step.tx, into, JOIN)
    case, state = step.case, main.case.state
    party = {"id": uuid7(), "case_id": into, "kind": REPORTER, "person": case.applicant, "row_id": case.row_id}
    main.rows.append(Insert(CASE_PARTY, {**party, "joined_at": step.now}))
    main.record(JOIN, state, state, role=SYSTEM_ROLE, facts={"number": case.number}, is_public=False)
    await main.finish()
    ends = [found.id for found in step.workflow.states.values() if found.end == MERGED]
    to = ends[0] if ends else step.workflow.start
    step.record(JOIN, step.workflow.start, to, role=SYSTEM_ROLE, facts={"number": main.case.number})
    step.change(state=to, phase=MERGED, joined=into)
    if step.workflow.mirror:
        step.patch[step.workflow.mirror] = to
    step.rows.append(event_row(step, "case.joined"))


async def has_reporters(step: Step) -> bool:
    text = "SELECT 1 FROM tb_case_party WHERE case_id = {case_id} AND kind = 'reporter'"
    dialect = step.engine.database.dialect
    return bool(await step.tx.fetch(*statement(dialect, CASE_PARTY, text, case_id=step.case.id)))


async def end_joined(step: Step) -> None:
    """A case has ended: those that joined it have their answer."""
    if step.is_new:
        return
    joined = "SELECT id FROM tb_case WHERE joined = {joined} AND closed_at IS NULL"
    values = {"closed_at": step.now, "outcome": step.case.outcome, "joined": step.case.id}
    # The records first: they are found by cases that are still open.
    for name in (CASE_RECORD.name, CASE.name):
        text = f"UPDATE {name} SET closed_at = {{closed_at}}, outcome = {{outcome}} WHERE id IN ({joined})"
        await step.tx.execute(*statement(step.engine.database.dialect, CASE, text, **values))
