"""Whoever holds a task of a case takes part in it: rows of core.case_participant, which rules `relation: case` ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.access.asks import PARTICIPANT
from core.access.service import service_actor
from core.store.dialect import quote
from core.store.json_values import to_json
from core.store.statement import load_row, statement
from core.store.tables import table_of

if TYPE_CHECKING:
    from core.cases.step import Step

FOUNDATION, ROLE = "core", "owner"
_NAMES = ("id", "staff_id", "version", "until")


async def sync(step: Step) -> None:
    """Those who hold live tasks take part from now on, the others no longer. History names who did the step."""
    holders = step.holders
    entity = step.live.world.entity(PARTICIPANT)
    if entity is None or holders == step.synced:
        return
    moved, step.synced = holders ^ step.synced, holders
    known = {row["staff_id"]: row for row in await _rows(step, entity)}
    # In the host's own role, as other rows about people that only its operations write.
    actor = replace(step.actor, kind="system", roles=service_actor(FOUNDATION).roles)
    writer, why = step.live.writer.within(step.tx), f"case.{step.action}"
    # Others take part by somebody's word: they stay.
    for staff in sorted(moved):
        row, takes_part = known.get(staff), staff in holders
        if row is None and takes_part:
            values = {"case_no": step.case.number, "staff": staff, "role": ROLE, "since": to_json(step.now)}
            await writer.create(actor, entity, {**values, "division": step.case.division}, why=why)
        elif row is not None and (takes_part or row["until"] is None):
            patch = {"since": to_json(step.now), "until": None} if takes_part else {"until": to_json(step.now)}
            await writer.update(actor, entity, row["id"], row["version"], patch, why=why)


async def _rows(step: Step, entity: Any) -> list[Any]:
    dialect, table = step.engine.database.dialect, table_of(entity)
    text = (
        f"SELECT {', '.join(_NAMES)} FROM {quote(table.name)} WHERE case_no = {{case_no}} AND role = {{role}} "
        "AND deleted_at IS NULL"
    )
    rows = await step.tx.fetch(*statement(dialect, table, text, case_no=step.case.number, role=ROLE))
    return [load_row(dialect, table, _NAMES, row) for row in rows]
