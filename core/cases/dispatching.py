"""Who gets a task: the candidates that a table finds, each with the reason, and what follows when nobody accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from core.cases.definitions import full
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.nearness import Nearness, nearness, sites_of, spot_of
from core.cases.rows import Task
from core.cases.step import Step
from core.cases.timers import Timer, timer_row
from core.clock import due
from core.expr.clock import china_day
from core.expr.subtree import LEVEL_DIGITS, level_digits
from core.expr.tree import Path
from core.fields.column import Column, Table
from core.manifest.cases import Candidate, Dispatch, DispatchRule
from core.store.database import Transaction
from core.store.rows import read
from core.store.statement import load_row, statement

#: A task is offered to this many, one after the other, before the pool gets it.
OFFERS_MAX = 20
#: What is asked about staff, with the kinds of what is bound.
_STAFF = Table(
    "core_staff",
    (
        Column("id", "uuid"), Column("org_unit_id", "uuid"), Column("work_division", "text"), Column("load", "int"),
        Column("role", "text"), Column("roles", "json"), Column("grid", "text"), Column("today", "date"),
        Column("now", "datetime"), Column("on_duty", "bool"),
    ),
)  # fmt: skip
_NAMES = ("id", "org_unit_id", "work_division", "load", "on_duty")
#: Whether the roster has somebody on duty now.
_ON_DUTY = (
    "EXISTS (SELECT 1 FROM core_duty_shift d WHERE d.staff_id = s.id AND d.deleted_at IS NULL "
    "AND d.starts_at <= {now} AND d.ends_at > {now})"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One who may be given the task: a person, or (staff None) whoever of a unit takes it. `reason` is Chinese."""

    role: str
    staff: str | None
    org: str | None
    reason: str

    @property
    def row(self) -> dict[str, Any]:
        return {"role": self.role, "staff": self.staff, "org": self.org, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff, how many tasks he has, how near he is to the matter, and whether he is on duty."""

    id: str
    org: str
    load: int
    distance: Nearness
    on_duty: bool = False

    @property
    def duty(self) -> int:
        """To sort by: who is on duty comes first."""
        return 0 if self.on_duty else 1


async def dispatch(step: Step, task: Task, table_id: str) -> Task:
    """The task, given to the first candidate; to the pool of its roles when there is none."""
    table = table_of(step, table_id)
    found = await candidates(step, table) if table else []
    rows = [one.row for one in found[:OFFERS_MAX]]
    return await _offer(step, replace(task, candidates=rows), table)


def table_of(step: Step, table_id: str) -> Dispatch | None:
    plugin_id, _, id = full(table_id, step.case.plugin_id).partition(".")
    plugin = step.live.world.plugins.get(plugin_id)
    return plugin.dispatch.get(id) if plugin else None


async def candidates(step: Step, table: Dispatch) -> list[Found]:
    """Those of the first rule that holds and finds anybody, then those of the fallbacks; each once."""
    found: list[Found] = []
    conditions = [rule.when for rule in table.rules if rule.when is not None]
    answers = iter(await step.holds(conditions))
    for rule in [rule for rule in table.rules if rule.when is None or next(answers)]:
        if found := await _of_rule(step, rule):
            break
    for number, candidate in enumerate(table.fallback, 1):
        found += await _of_rule(step, DispatchRule(None, candidate, ("load", "distance"), f"后备第 {number} 顺位"))
    returned = {row.staff for row in step.trail if _is_return(step, row.action)}
    once: dict[tuple[str | None, str | None], Found] = {}
    for one in found:
        once.setdefault((one.staff, one.org), one)
    return sorted(once.values(), key=lambda one: one.staff is not None and one.staff in returned)


async def pass_on(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """Nobody has accepted in time: the next candidate gets it, after the last one the pool."""
    found = await read(tx, engine.database.dialect, Task, "id = {id}", id=timer.task_id)
    if not found or found[0].status != "open":
        return
    step = await system_step(engine, tx, found[0].case_id, "pass_on")
    task = step.tasks[found[0].id]
    state = step.workflow.states[task.state]
    part = next((part for part in state.parts if part.id == task.part), None)
    rest = replace(
        task, candidates=(task.candidates or [])[1:], assignee=None, org=None,
        role="|".join(part.roles if part else state.roles) or task.role,
    )  # fmt: skip
    table = table_of(step, (part.dispatch if part else "") or state.dispatch)
    step.add_task(await _offer(step, rest, table))
    step.record("pass_on", task.state, task.state, role="system", task=task.id, is_public=False)
    await step.finish()


async def _offer(step: Step, task: Task, table: Dispatch | None) -> Task:
    if not task.candidates:
        return task
    first, wait = task.candidates[0], table.accept_within if table else None
    # Without a time to accept in there is nothing to accept: who was chosen has it.
    is_given = wait is None and first["staff"] is not None
    if wait is not None:
        calendar = await step.engine.calendars.of(step.case.division)
        step.rows.append(timer_row("accept", due(calendar, step.now, wait).at, case_id=task.case_id, task_id=task.id))
    step.change(org=first["org"] or step.case.org, owner=first["staff"] if is_given else step.case.owner)
    return replace(
        task, role=first["role"], org=first["org"], assignee=first["staff"],
        status="claimed" if is_given else "open", claimed_at=step.now if is_given else None,
    )  # fmt: skip


async def _of_rule(step: Step, rule: DispatchRule) -> list[Found]:
    to = rule.to
    org, grid, staff = await _named(step, to)
    if (to.org and org is None) or (to.grid and grid is None) or (to.staff and staff is None):
        return []
    head = f"按“{rule.title}”" if rule.title else "按派单规则"
    if to.org and not rule.order and not (to.grid or to.staff):
        return [Found(to.role, None, org, f"{head}，由单位自行安排")]
    found = await members(step, to.role, org=org, grid=grid, staff=staff, by_distance="distance" in rule.order)
    order = [name for name in rule.order if name != "duty" or not await is_working_time(step)]
    found.sort(key=lambda member: (*(getattr(member, name) for name in order), member.id))
    return [Found(to.role, m.id, m.org, f"{head}，{_reason(m, rule)}") for m in found]


def _reason(member: Member, rule: DispatchRule) -> str:
    duty = ["正在值班"] if "duty" in rule.order and member.on_duty else []
    distance = [str(member.distance)] if "distance" in rule.order else []
    return "，".join([*duty, f"在办 {member.load} 件", *distance])


async def is_working_time(step: Step) -> bool:
    """Within duty hours of the case's division: nobody has to be on a roster then."""
    return (await step.engine.calendars.of(step.case.division)).is_open(step.now)


async def to_reach(step: Step, role: str, *, org: str | None = None) -> list[Member]:
    """Staff of a role who are there to be told of something: outside working hours those on duty, if there are any."""
    found = await members(step, role, org=org)
    on_duty = [member for member in found if member.on_duty]
    return on_duty if on_duty and not await is_working_time(step) else found


async def _named(step: Step, to: Candidate) -> tuple[str | None, str | None, str | None]:
    """Unit, grid and person that the fields of the row name."""
    paths = [_path(name) for name in (to.org, to.grid, to.staff) if name]
    values = iter(await step.values(paths))
    org, grid, staff = (next(values) if name else None for name in (to.org, to.grid, to.staff))
    return org, grid, staff


@lru_cache(1024)
def _path(name: str) -> Path:
    return Path(tuple(name.split(".")))


async def members(
    step: Step, role: str, *, org: str | None = None, grid: str | None = None, staff: str | None = None,
    by_distance: bool = False,
) -> list[Member]:  # fmt: skip
    """Staff in service with the role: at the unit or below it, in the grid, the one named; else whose division covers
    the case's."""
    dialect, division = step.engine.database.dialect, step.case.division
    where, values = _where(division, org, grid, staff)
    has = (
        "EXISTS (SELECT 1 FROM json_each({column}) WHERE value = {{role}})"
        if dialect.name == "sqlite"
        else "{column} @> {{roles}}"
    )
    text = (
        "SELECT s.id, s.org_unit_id, s.work_division, (SELECT count(*) FROM tb_task t WHERE t.assignee = s.id "
        f"AND t.status IN ('open', 'claimed')) AS load, {_ON_DUTY} AS on_duty FROM core_staff s "
        "LEFT JOIN core_post p ON p.id = s.post_id AND p.deleted_at IS NULL "
        f"WHERE s.deleted_at IS NULL AND s.state = 'active' AND ({has.format(column='s.roles')} "
        f"OR {has.format(column='p.roles')}) AND {where} ORDER BY on_duty DESC, load, s.id LIMIT {OFFERS_MAX * 10}"
    )
    named = {"role": role, "roles": [role], "today": china_day(step.now), "now": step.now, **values}
    rows = await step.tx.fetch(*statement(dialect, _STAFF, text, **named))
    found = [load_row(dialect, _STAFF, _NAMES, row) for row in rows]
    spot = await spot_of(step) if by_distance else None
    sites = await sites_of(step.tx, dialect, {row["org_unit_id"] for row in found}) if spot else {}
    return [
        Member(
            row["id"], row["org_unit_id"], row["load"],
            nearness(spot, sites.get(row["org_unit_id"], ()), row["work_division"], division), row["on_duty"],
        )
        for row in found
    ]  # fmt: skip


def _where(division: str, org: str | None, grid: str | None, staff: str | None) -> tuple[str, Mapping[str, Any]]:
    parts, values = [], dict[str, Any]()
    if staff is not None:
        parts.append("s.id = {staff:id}")
        values["staff"] = staff
    if org is not None:
        parts.append(
            "s.org_unit_id IN (SELECT o.id FROM core_org_unit o JOIN core_org_unit u ON u.id = {org:org_unit_id} "
            "AND substr(o.path, 1, length(u.path)) = u.path)"
        )
        values["org"] = org
    if grid is not None:
        parts.append(
            "EXISTS (SELECT 1 FROM core_grid_assignment g WHERE g.staff_id = s.id AND g.grid = {grid} "
            "AND g.deleted_at IS NULL AND g.since <= {today} AND (g.until IS NULL OR g.until > {today}))"
        )
        values["grid"] = grid
    if not parts:
        around = list(_around(division))
        marks = ", ".join(f"{{around{i}:work_division}}" for i in range(len(around)))
        parts.append(f"s.work_division IN ({marks})")
        values |= {f"around{i}": code for i, code in enumerate(around)}
    return " AND ".join(parts), values


def _around(division: str) -> Iterable[str]:
    """The division and those it lies in."""
    return (division[:digits].ljust(12, "0") for digits in LEVEL_DIGITS if digits <= level_digits(division))


def _is_return(step: Step, action: str) -> bool:
    found = step.workflow.actions.get(action)
    return found is not None and found.kind == "return"
