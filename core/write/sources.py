"""Where facts about people come from: rows of core.fact_source beside the row that states them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tongban_sdk.actor import Actor

from core.fields.column import Column, Table
from core.store.database import Insert, Transaction
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.statement import statement
from core.store.tables import table_of
from core.write.values import Row

if TYPE_CHECKING:
    from core.write.task import Task

PERSON, SOURCE = "core.person", "core.fact_source"
#: Who goes to people's homes; others of the staff write down what is brought to their desk.
VISITORS = frozenset({"grid_worker", "grid_leader", "community_worker"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What is said of each fact of a write: the core.org_unit it is from, how it came (`method`), batch or document."""

    department: str
    method: str
    reference: str | None = None


def origin_of(actor: Actor, why: str) -> Origin | None:
    """What members of staff write, their unit answers for. What people state about themselves has no department."""
    if actor.kind != "staff" or actor.org is None:
        return None
    method = "import" if why == "import" else "visit" if actor.roles & VISITORS else "counter"
    return Origin(actor.org, method)


def tells_sources(task: Task) -> bool:
    return task.entity.key == PERSON and SOURCE in task.shared.world.entities


async def tell_sources(tx: Transaction, task: Task, row: Row, fields: Collection[str], *, is_new: bool) -> None:
    """The facts of `fields` are from now on from the write's origin alone: what others said of them before, was said
    of other values."""
    if not tells_sources(task) or not fields:
        return
    table = table_of(task.shared.world.entities[SOURCE])
    if not is_new:
        await _end(tx, task, table, row["id"], fields)
    stated = [name for name in fields if row.get(name) is not None]
    if (origin := task.origin) is not None and stated:
        await tx.insert([Insert(table, _row(task, row, name, origin)) for name in stated])


async def _end(tx: Transaction, task: Task, table: Table, id: str, fields: Collection[str]) -> None:
    dialect, column = task.shared.database.dialect, Column("field", "text")
    text, args = statement(
        dialect, table,
        f"UPDATE {quote(table.name)} SET deleted_at = {{now:deleted_at}}, version = version + 1 "
        "WHERE entity = {entity} AND row_id = {id:row_id} AND deleted_at IS NULL AND ",
        now=task.now, entity=PERSON, id=id,
    )  # fmt: skip
    text += dialect.in_list("field", dialect.placeholder(len(args) + 1), column)
    await tx.execute(text, [*args, dialect.bind_list(column, list(fields))])


def _row(task: Task, row: Row, field: str, origin: Origin) -> Row:
    who = task.actor.id or None
    return {
        "id": uuid7(), "version": 1, "division": row["division"], "org": origin.department,
        "created_at": task.now, "updated_at": task.now, "created_by": who, "updated_by": who,
        "person_id": row["id"], "entity": PERSON, "row_id": row["id"], "field": field,
        "department_id": origin.department, "method": origin.method, "stated_at": task.now,
        "reference": origin.reference,
    }  # fmt: skip
