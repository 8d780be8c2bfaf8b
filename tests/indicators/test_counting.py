"""The database counts what a plain loop over the same rows counts, on both databases, for every measure and time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.expr import evaluate, parse
from core.expr.clock import china_day
from core.indicators.counting import Sum, count, rolled
from core.indicators.periods import Period, back, between, period_of
from core.manifest.case_record import CASE_RECORD, CASES, RUNNING_NAMES
from core.manifest.indicators import Cycle, Indicator
from core.manifest.model import World
from core.store.case_tables import CASE
from core.store.case_tables import CASE_RECORD as RECORD
from core.store.database import Database, Insert
from core.store.ids import uuid7
from core.store.migrate import migrate
from core.store.tables import table_of
from tests.conftest import POSTGRES, execute, needed
from tests.worlds import HERE, entity, plugin

JOB = entity(
    "works",
    "job",
    {
        "kind": {"type": "enum", "values": {"cover": "井盖", "lamp": "路灯"}},
        "cost": {"type": "decimal", "precision": 12, "scale": 2},
        "twice": {"type": "computed", "as": "integer", "expr": "days * 2", "stored": False},
        "days": {"type": "integer"},
        "is_done": {"type": "boolean"},
        "done_at": {"type": "datetime"},
        "due_on": {"type": "date"},
    },
)
WORLD = World({"works": plugin("works", [JOB], [])})
NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
#: Two villages of one township, one of another, a county, and nowhere.
DIVISIONS = ("640522100203", "640522100204", "640522101201", "640522000000", None)
#: Around the ends of days, weeks, months and years on the clock of +08:00.
EDGES = [
    datetime(y, m, d, 16, tzinfo=UTC) + timedelta(milliseconds=ms)
    for y, m, d in ((2025, 12, 31), (2026, 2, 28), (2026, 3, 1), (2026, 3, 8), (2026, 3, 9))
    for ms in (-1, 0, 1)
]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "division": st.sampled_from(DIVISIONS),
            "kind": st.sampled_from(["cover", "lamp", None]),
            "cost": st.none() | st.decimals(-(10**6), 10**6, places=2),
            "days": st.none() | st.integers(-(2**53), 2**53),
            "is_done": st.sampled_from([True, False, None]),
            "done_at": st.none() | st.sampled_from(EDGES),
            "due_on": st.none() | st.dates(date(2026, 2, 27), date(2026, 3, 11)),
            "created_at": st.sampled_from(EDGES),
            "deleted_at": st.none() | st.none() | st.just(NOW),
        }
    ),
    max_size=12,
)
MEASURES: list[dict[str, Any]] = [
    {"measure": "count"},
    {"measure": "count", "where": parse("is_done || days > 3")},
    {"measure": "sum", "number_field": "cost", "scale": 2},
    {"measure": "avg", "number_field": "twice"},
    {"measure": "share", "of": parse("is_done"), "where": parse('kind != "lamp"')},
    {"measure": "share", "of": parse("due_on < today()")},
]
TIMES = [
    {"time_field": "created_at"}, {"time_field": "done_at"}, {"time_field": "due_on"}, {"kind": "moment"},
]  # fmt: skip
GROUPS = ["", "kind", "is_done", "division"]


def indicator(**more: Any) -> Indicator:
    facts: dict[str, Any] = {"plugin_id": "works", "id": "one", "title": "一", "over": JOB.key, "place": HERE, **more}
    return Indicator(**facts)


class Both:
    """One database of each kind with one loop; rows are put into both."""

    #: Application and division.
    off: tuple[str, str] = "", ""

    def __init__(self, folder: Path) -> None:
        # First: it may skip, and a loop must be closed.
        self.url, self.schema = needed(POSTGRES), f"t_{uuid4().hex[:12]}"
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.databases: list[Database] = self.run(self._open(f"sqlite:///{folder / 'test.sqlite3'}"))

    async def _open(self, sqlite: str) -> list[Database]:
        opened = [await Database.open(sqlite), await Database.open(self.url, pool_max=2, schema=self.schema)]
        for database in opened:
            await migrate(database, [table_of(JOB), CASE, RECORD])
        return opened

    def put(self, *inserts: Insert) -> None:
        async def put(database: Database) -> None:
            async with database.transaction() as tx:
                for table in (table_of(JOB), CASE, RECORD):
                    await tx.execute(f"DELETE FROM {table.name}")
                await tx.insert(list(inserts))

        for database in self.databases:
            self.run(put(database))

    def is_on(self, plugin_id: str, division: str) -> bool:
        return self.off != (plugin_id, division)

    def count(self, one: Indicator, period: Period) -> dict[tuple[str, str], Sum]:
        """What both say, which must be the same."""
        found = [self.run(count(database, WORLD, one, period, NOW, self.is_on)) for database in self.databases]
        assert found[0] == found[1]
        return found[0]

    def close(self) -> None:
        for database in self.databases:
            self.run(database.close())
        self.run(execute(self.url, f'DROP SCHEMA "{self.schema}" CASCADE'))
        self.loop.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    opened = Both(tmp_path_factory.mktemp("both"))
    yield opened
    opened.close()


def by_hand(rows: Sequence[Mapping[str, Any]], one: Indicator, period: Period) -> dict[tuple[str, str], Sum]:
    """A loop that shares nothing with the statement but the expressions."""
    found: dict[tuple[str, str], Sum] = defaultdict(Sum)
    now = min(NOW, period.end - timedelta(milliseconds=1))
    for row in rows:
        days = row["days"]
        values = {**row, "twice": None if days is None else days * 2}
        if row["deleted_at"] or (one.kind == "period" and not _lies_in(values[one.time_field], period)):
            continue
        if one.where is not None and evaluate(one.where, values, {}, now) is not True:
            continue
        group: Any = values[one.group_by] if one.group_by else ""
        key = str({None: "-", True: "true", False: "false"}.get(group, group))
        found[row["division"] or "", key] += _parts(one, values, now)
    return dict(found)


def _lies_in(value: date | datetime | None, period: Period) -> bool:
    if value is None:
        return False
    day = china_day(value) if isinstance(value, datetime) else value
    return period_of(period.cycle, day) == period


def _parts(one: Indicator, values: Mapping[str, Any], now: datetime) -> Sum:
    if one.measure == "count":
        return Sum(1, 1)
    if one.measure == "share":
        assert one.of is not None
        is_so = evaluate(one.of, values, {}, now)
        return Sum(0 if is_so is None else int(is_so), 0 if is_so is None else 1)
    number = values[one.number_field]
    return Sum() if number is None else Sum(int(Decimal(number).scaleb(one.scale)), 1)


@given(
    ROWS,
    st.sampled_from(MEASURES),
    st.sampled_from(TIMES),
    st.sampled_from(GROUPS),
    st.sampled_from(["day", "week", "month", "year"]),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_databases_count_what_a_loop_counts(
    both: Both, rows: list[dict[str, Any]], measure: dict[str, Any], time: dict[str, str], group: str, cycle: Cycle
) -> None:
    one = indicator(**measure, **time, group_by=group, cycle=cycle)
    table, fixed = table_of(JOB), {"updated_at": NOW, "created_by": "a", "updated_by": "a", "version": 1}
    both.put(*(Insert(table, {"id": uuid7(), **fixed, **row}) for row in rows))
    for period in back(period_of(cycle, date(2026, 3, 10)), 2):
        assert both.count(one, period) == by_hand(rows, one, period)


def test_cases_are_counted_with_how_they_stand_now(both: Both) -> None:
    rows = [
        case("works", "new", due=NOW - timedelta(days=1)),
        case("works", "new", due=NOW + timedelta(days=1)),
        case("works", "closed", hours="2.50", grid="640522100203001"),
        case("other", "closed", hours="4.00"),
    ]
    both.put(*(insert for pair in rows for insert in pair))
    march = period_of("month", date(2026, 3, 1))
    late = indicator(over=CASES, measure="count", kind="moment", where=parse("closed_at == null && due_at < now()"))
    assert both.count(late, march) == {("640522100203", ""): Sum(1, 1)}
    hours = {"over": CASES, "measure": "avg", "number_field": "hours", "scale": 2, "time_field": "closed_at"}
    assert both.count(indicator(**hours, group_by="grid"), march) == {("640522100203", "640522100203001"): Sum(250, 1)}
    states = indicator(over=CASES, measure="count", kind="moment", group_by="state")
    assert both.count(states, march) == {("640522100203", "new"): Sum(2, 2), ("640522100203", "closed"): Sum(1, 1)}
    # The core counts the cases of all applications.
    assert both.count(indicator(plugin_id="core", **hours), march) == {("640522100203", ""): Sum(650, 2)}
    # But of those that are off.
    both.off = "other", "640522100203"
    assert both.count(indicator(plugin_id="core", **hours), march) == {("640522100203", ""): Sum(250, 1)}
    both.off = "", ""


def case(plugin_id: str, state: str, *, due: datetime | None = None, hours: str = "", grid: str = "") -> list[Insert]:
    id, known = uuid7(), {"plugin_id": plugin_id, "service": "works.repair", "division": "640522100203"}
    whole = {"id": id, "number": f"N{id}", **known, "channel": "app", "filed_at": NOW - timedelta(days=2)}
    running = {
        "service_version": 1, "workflow": "w", "workflow_version": 1, "entity": "works.report", "row_id": uuid7(),
        "account": "a", "state": state, "phase": "open", "urgency": 0, "due_at": due, "grid": grid or None,
        "is_provisional": False, "version": 1, "updated_at": NOW,
    }  # fmt: skip
    closed = {"closed_at": NOW, "hours": Decimal(hours)} if hours else {}
    return [Insert(CASE, {**whole, **running}), Insert(RECORD, {**whole, "returns": 0, "paused_s": 0, **closed})]


def test_names_of_running_cases_are_columns_of_the_case() -> None:
    assert set(CASE.by_name) >= RUNNING_NAMES
    assert set(CASE_RECORD.fields) - RUNNING_NAMES <= set(RECORD.by_name)


@given(
    st.sampled_from(["day", "week", "month", "year"]), st.dates(date(2019, 1, 1), date(2030, 1, 1)), st.integers(0, 40)
)
def test_periods_follow_each_other_without_gap(cycle: Cycle, day: date, length: int) -> None:
    found = list(between(cycle, day, day + timedelta(days=length)))
    assert found[0].first <= day <= found[0].last
    assert all(one.end == two.begin and two.before == one for one, two in pairwise(found))
    assert found[-1].first <= day + timedelta(days=length) <= found[-1].last
    assert back(found[-1], len(found)) == found


def test_places_are_summed_up() -> None:
    sums = rolled({("640522100203", "a"): Sum(1, 2), ("640522100204", "b"): Sum(2, 3), ("", "a"): Sum(4, 4)})
    assert sums["640522100000", ""] == sums["640522000000", ""] == sums["640000000000", ""] == Sum(3, 5)
    assert (sums["", ""], sums["", "a"], sums["640522100203", ""]) == (Sum(7, 9), Sum(5, 6), Sum(1, 2))
