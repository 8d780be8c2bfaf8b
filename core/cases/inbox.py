"""The tasks of one member of staff, by what is due first. Every way a task can be his is an index read in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError

from core.access import me_of
from core.cases.live import Engine
from core.cases.paging import Page, check_first, page, read_cursor
from core.cases.rows import Case, Task
from core.cases.timing import Colour
from core.fields.times import utc_now
from core.store.case_tables import CASE, TASK
from core.store.dialect import Dialect, literal
from core.store.rows import columns, load
from core.store.statement import statement

#: todo: free for him, or offered to him; doing: claimed by him; done: done by him, the newest first.
Box = Literal["todo", "doing", "done"]
#: Counters stop here: whoever has more work than this has too much.
COUNT_MAX = 999
#: How the code of a division ends that is no town's and no village's.
COUNTY_AND_ABOVE = "000000"
_COLUMNS = columns(Task)
_COLOURS: Mapping[Colour, str] = {
    "none": "due_at IS NULL",
    "green": "due_at > {now:due_at} AND (yellow_at IS NULL OR yellow_at > {now:due_at})",
    "yellow": "yellow_at <= {now:due_at} AND (orange_at IS NULL OR orange_at > {now:due_at}) AND due_at > {now:due_at}",
    "orange": "orange_at <= {now:due_at} AND due_at > {now:due_at}",
    "red": "due_at <= {now:due_at} AND (purple_at IS NULL OR purple_at > {now:due_at})",
    "purple": "purple_at <= {now:due_at}",
}


async def inbox(
    engine: Engine, actor: Actor, box: Box = "todo", *, first: int = 50, after: str | None = None,
    colour: Colour | None = None, service: str | None = None,
) -> Page[Task]:  # fmt: skip
    """Tasks of the caller, a page at a time; of one colour or service item only, if wanted."""
    check_first(first)
    if actor.staff is None:
        raise PermissionDeniedError("待办只对工作人员开放")
    branches, values = await _branches(engine, actor, box)
    place = read_cursor(after) if after else None
    filters = _filters(box, place, colour, service)
    values |= {"now": utc_now(), "service": service}
    values |= {"at": place[0], "last": place[1]} if place else {}
    text = _statement(branches, filters, box, first + 1)
    rows = await engine.database.fetch(*_bound(engine, text, values))
    found = [load(engine.database.dialect, Task, row) for row in rows]
    last = found[first - 1] if len(found) >= first else None
    return page(found, first, (_rank(last, box), last.id) if last else None)


async def counts(engine: Engine, actor: Actor) -> dict[str, int]:
    """How many tasks lie in "todo" and "doing", and how many of the latter are "late"; at most COUNT_MAX each."""
    if actor.staff is None:
        raise PermissionDeniedError("待办只对工作人员开放")
    found = {}
    for name, box, more in (("todo", "todo", ""), ("doing", "doing", ""), ("late", "doing", "due_at <= {now:due_at}")):
        branches, values = await _branches(engine, actor, box)
        inner = _statement(branches, [more] if more else [], box, COUNT_MAX)
        text = f"SELECT count(*) FROM ({inner}) n"
        rows = await engine.database.fetch(*_bound(engine, text, {**values, "now": utc_now()}))
        found[name] = int(rows[0][0])
    return found


async def watched(engine: Engine, actor: Actor, *, first: int = 50) -> list[Case]:
    """Cases the caller keeps an eye on, those due first first."""
    if actor.staff is None:
        raise PermissionDeniedError("待办只对工作人员开放")
    text = (
        f"SELECT {columns(Case, 'c')} FROM tb_case c JOIN tb_case_party p ON p.case_id = c.id "
        f"WHERE p.staff = {{staff:owner}} AND p.kind = 'watcher' ORDER BY c.closed_at IS NOT NULL, c.due_at IS NULL, "
        f"c.due_at, c.id LIMIT {check_first(first)}"
    )
    dialect = engine.database.dialect
    rows = await engine.database.fetch(*statement(dialect, CASE, text, staff=actor.staff))
    return [load(dialect, Case, row) for row in rows]


async def _branches(engine: Engine, actor: Actor, box: str) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {"me": actor.staff, "org": actor.org}
    if box != "todo":
        return [f"assignee = {{me:assignee}} AND status = '{'claimed' if box == 'doing' else 'done'}'"], values
    keys = (await engine.definitions.flows(engine.live().world)).role_keys(actor)
    values |= {f"grid{i}": grid for i, grid in enumerate(actor.grids)}
    return ["assignee = {me:assignee} AND status = 'open'", *_pools(actor, keys, engine.database.dialect)], values


def _pools(actor: Actor, keys: Sequence[str], dialect: Dialect) -> Iterator[str]:
    """Where free tasks lie: at his unit, in his division, in his grids; none in two of them.

    Roles and divisions stand in the text: a planner that knows them knows whether few rows are to be sorted (a
    village) or many to be read in order (a county). SQLite does not know how many: what it must not look for is
    kept off indexes. Nor may anybody look for a role where a unit or a grid says enough: most tasks have no unit, which
    SQLite takes for one unit with most of the tasks.
    """
    free, first = "status = 'open' AND assignee IS NULL", me_of(actor)["division_first"]
    roles = f"COALESCE(role, '') IN ({', '.join(map(literal, keys))})"
    is_wide = dialect.name == "sqlite" and str(first).endswith(COUNTY_AND_ABOVE)
    place = "COALESCE(division, '')" if is_wide else "division"
    covered = f"{place} BETWEEN {literal(first)} AND {literal(me_of(actor)['division_last'])}" if first else "FALSE"
    if not keys:
        return
    if actor.org is not None:
        yield f"org = {{org}} AND {free} AND {roles}"
    if first is not None:
        for key in keys:
            yield f"role = {literal(key)} AND {free} AND org IS NULL AND {covered}"
    if actor.grids:
        grids = ", ".join(f"{{grid{i}:grid}}" for i in range(len(actor.grids)))
        yield f"grid IN ({grids}) AND {free} AND org IS NULL AND {roles} AND NOT ({covered})"


def _filters(
    box: Box, place: tuple[Any, str] | None, colour: Colour | None, service: str | None
) -> list[str]:  # fmt: skip
    filters = [_COLOURS[colour]] if colour else []
    filters += ["service = {service}"] if service else []
    if place and box == "done":
        filters.append("done_at <= {at:done_at} AND (done_at < {at:done_at} OR id < {last:id})")
    elif place:
        filters.append("ranked_at >= {at:ranked_at} AND (ranked_at > {at:ranked_at} OR id > {last:id})")
    return filters


def _statement(branches: list[str], filters: list[str], box: str, limit: int) -> str:
    order = "done_at DESC, id DESC" if box == "done" else "ranked_at, id"
    parts = []
    for number, branch in enumerate(branches):
        where = " AND ".join([branch, *filters])
        inner = f"SELECT {_COLUMNS} FROM tb_task WHERE {where} ORDER BY {order} LIMIT {limit}"
        parts.append(f"SELECT * FROM ({inner}) b{number}")
    whole = " UNION ALL ".join(parts)
    return whole if len(parts) == 1 else f"SELECT * FROM ({whole}) a ORDER BY {order} LIMIT {limit}"


def _bound(engine: Engine, text: str, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return statement(engine.database.dialect, TASK, text, **values)


def _rank(task: Task, box: Box) -> Any:
    return (task.done_at or task.opened_at) if box == "done" else task.ranked_at
