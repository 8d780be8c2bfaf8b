"""Part five: the tree of organisations, 120,000 units and their staff, against SQL written by hand; in one process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import parse
from tongban_sdk import Actor

from core.access import AccessModel
from core.api.compose import Composer
from core.crypto import Vault
from core.manifest import read_world
from core.manifest.model import World
from core.read import Reader
from core.settings import ROOT
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from core.write import Writer
from tests.bench.place import Place

#: Children of a unit.
FAN = 10
UNITS = 120_000
#: A unit with 1,110 others below it.
SUBTREE, MOVED = 25, 1111
AT = datetime(2026, 11, 20, tzinfo=UTC)
#: Share of the hand-written statement's speed; a move writes history, event and the row itself besides.
TARGETS: Mapping[str, float] = {
    "children": 0.5, "subtree": 0.5, "count": 0.7, "ancestors": 0.5, "staff": 0.5, "restricted": 0.5, "move": 0.7,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: ours as GraphQL, and the SQL somebody would write for exactly this."""

    id: str
    title: str
    document: str
    sql: str
    arguments: tuple[Any, ...]
    #: Rows both must answer alike; 0 = it is no list.
    rows: int


def unit_id(number: int) -> str:
    return f"0190f000-0000-7000-8000-{number:012d}"


def path_of(number: int) -> str:
    """Unit n hangs below (n - 2) // FAN + 1; the first is the root."""
    above = f"{path_of((number - 2) // FAN + 1)}" if number > 1 else "/"
    return f"{above}{number}/"


def tree(
    place: Place, say: Callable[[str], None], units: int = UNITS, seconds: float = 1.5
) -> Iterator[dict[str, Any]]:
    say(f"{place.kind}: {units:,} units")
    yield from asyncio.run(_run(place, units, seconds))


async def _run(place: Place, units: int, seconds: float) -> list[dict[str, Any]]:
    world, _ = read_world([ROOT / "manifests/core"])
    database = await Database.open(place.url, schema=place.schema, statement_timeout_s=60)
    try:
        await migrate(database, tables_of(world))
        await _fill(database, world, units, units // 2)
        return [record async for record in _measured(database, world, units, seconds)]
    finally:
        await database.close()


async def _fill(database: Database, world: World, units: int, staff: int) -> None:
    unit, member = (table_of(world.entities[key]) for key in ("core.org_unit", "core.staff"))
    paths = {number: path_of(number) for number in range(1, units + 1)}
    rows = [
        _insert(unit, n, code=str(n), name=f"单位{n}", kind="department", path=path, parent_id=_parent(n))
        for n, path in paths.items()
    ]
    rows += [
        _insert(member, n, account=f"a{n}", name=f"人{n}", org_unit_id=unit_id(n + 1), state="active")
        for n in range(staff)
    ]
    async with database.transaction() as tx:
        for start in range(0, len(rows), 2000):
            await tx.insert(rows[start : start + 2000])
    if database.dialect.name == "postgres":
        await database.fetch("ANALYZE")


def _parent(number: int) -> str | None:
    return unit_id((number - 2) // FAN + 1) if number > 1 else None


def _insert(table: Any, number: int, **values: Any) -> Insert:
    made = dict.fromkeys((column.name for column in table.columns), None)
    stamps = {"id": unit_id(number), "created_at": AT, "updated_at": AT, "version": 1}
    return Insert(table, {**made, **stamps, **values})


def asked(units: int) -> list[Asked]:
    middle, deep = unit_id(SUBTREE), unit_id(units - 5)
    top = path_of(SUBTREE)
    bounds = (top, f"{top[:-1]}0")
    columns, some = "id, code, name, kind", "nodes { id code name kind }"
    page = f"SELECT {columns} FROM core_org_unit WHERE deleted_at IS NULL AND"
    starts = f'path: {{startsWith: "{top}"}}'
    steps = len(path_of(units - 5).strip("/").split("/")) - 1
    up = "parent { code " * steps + "}" * steps
    climb = (
        "WITH RECURSIVE up AS (SELECT parent_id, code FROM core_org_unit WHERE id = {0} UNION ALL"
        " SELECT u.parent_id, u.code FROM core_org_unit u JOIN up ON u.id = up.parent_id) SELECT code FROM up"
    )
    staff = (
        "SELECT s.id, s.name, s.account FROM core_staff s JOIN core_org_unit u ON u.id = s.org_unit_id WHERE"
        " s.deleted_at IS NULL AND u.path >= {0} AND u.path < {1} ORDER BY s.account, s.id LIMIT 51"
    )
    by_account = "orderBy: [{field: account, direction: ASC}], first: 50"
    members = "nodes { id name account }"
    below, ordered = f"where: {{{starts}}}", "orderBy: [{field: path, direction: ASC}], first: 50"
    in_unit = f"where: {{orgUnit: {{{starts}}}}}"
    children = f'where: {{parentId: {{eq: "{middle}"}}}}'
    inside = "path >= {0} AND path < {1}"
    return [
        Asked("children", "children of a unit", f"{{ coreOrgUnits({children}) {{ {some} }} }}",
              f"{page} parent_id = {{0}} ORDER BY id LIMIT 21", (middle,), 10),
        Asked("subtree", "first 50 of a subtree", f"{{ coreOrgUnits({below}, {ordered}) {{ {some} }} }}",
              f"{page} {inside} ORDER BY path, id LIMIT 51", bounds, 50),
        Asked("count", "units of a subtree", f"{{ coreOrgUnits({below}) {{ totalCount }} }}",
              f"SELECT count(*) FROM core_org_unit WHERE deleted_at IS NULL AND {inside}", bounds, 0),
        Asked("ancestors", f"{steps} steps up", f'{{ coreOrgUnit(id: "{deep}") {{ code {up} }} }}', climb, (deep,), 0),
        Asked("staff", "first 50 staff of a subtree, asked for by path",
              f"{{ coreStaffMembers({in_unit}, {by_account}) {{ {members} }} }}", staff, bounds, 50),
        Asked("restricted", "first 50 staff a head of a unit sees: rule in_org",
              f"{{ coreStaffMembers({by_account}) {{ {members} }} }}", staff, bounds, 50),
    ]  # fmt: skip


def _actor(question: str) -> Actor:
    role = "unit_head" if question == "restricted" else "county_leader"
    return Actor(
        "bench", "staff", roles=frozenset({"anonymous", role}), org=unit_id(SUBTREE), org_path=path_of(SUBTREE)
    )


async def _measured(database: Database, world: World, units: int, seconds: float) -> AsyncIterator[dict[str, Any]]:
    vault = await Vault.of(database, bytes(32), "sm")
    access = AccessModel(world)
    reader = Reader(world, access, vault)
    reader.use((await Composer()(world, {}))._schema, database.dialect)
    for question in asked(units):
        ours, limit = _ours(database, reader, question), _limit(database, question)
        _same(question, orjson.loads(await ours()), orjson.loads(await limit()))
        yield _record(database, question.id, question.title, units, await _race(ours, limit, seconds))
    writer = Writer(database, world, access, vault=vault)
    yield _record(database, "move", "a subtree of 1,111 moves", units, await _moves(database, writer, world))


def _ours(database: Database, reader: Reader, question: Asked) -> Callable[[], Awaitable[bytes]]:
    document, actor = parse(question.document), _actor(question.id)

    async def run() -> bytes:
        compiled = reader.compile(document, None, {}, actor)
        assert compiled is not None, question.id
        return await compiled.run(database, actor, {})

    return run


def _limit(database: Database, question: Asked) -> Callable[[], Awaitable[bytes]]:
    dialect = database.dialect
    sql = question.sql.format(*(dialect.placeholder(n) for n in range(1, len(question.arguments) + 1)))

    async def run() -> bytes:
        rows = await database.fetch(sql, list(question.arguments))
        return orjson.dumps([[str(value) for value in row] for row in rows])

    return run


def _same(question: Asked, ours: Any, limit: list[Any]) -> None:
    """Without that no figure means anything."""
    (answer,) = ours.values()
    if question.rows:
        found = [node["id"] for node in answer["nodes"]]
        if found != [row[0] for row in limit][: question.rows] or len(found) != question.rows:
            raise RuntimeError(f"{question.id}: {len(found)} of {len(limit)}")
    elif "totalCount" in answer and str(answer["totalCount"]) != limit[0][0]:
        raise RuntimeError(f"{question.id}: {answer} {limit}")


async def _race(
    ours: Callable[[], Awaitable[bytes]], limit: Callable[[], Awaitable[bytes]], seconds: float
) -> tuple[float, float]:
    """Calls per second of both: rounds in turn, medians."""
    found: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(3):
        for number, contestant in enumerate((ours, limit)):
            count, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds:
                await contestant()
                count += 1
            found[number].append(count / spent)
    return statistics.median(found[0]), statistics.median(found[1])


async def _moves(database: Database, writer: Writer, world: World) -> tuple[float, float]:
    """The whole pipeline against the one UPDATE that changes the paths."""
    entity, admin = (
        world.entities["core.org_unit"],
        Actor("bench", "admin", roles=frozenset({"anonymous", "system_admin"})),
    )
    dialect = database.dialect
    new, cut, first, end = (dialect.placeholder(n) for n in range(1, 5))
    # Postgres must be told what the second is.
    moved_path, below = f"{new} || substr(path, CAST({cut} AS int))", f"path >= {first} AND path < {end}"
    sql = f"UPDATE core_org_unit SET path = {moved_path} WHERE {below}"
    ours, limit, version = [], [], 1
    places = [f"{path_of(5)}{SUBTREE}/", f"{path_of(12)}{SUBTREE}/"]
    for parent in [unit_id(5), unit_id(12)] * 4:
        start = time.perf_counter()
        version = (await writer.update(admin, entity, unit_id(SUBTREE), version, {"parent": parent})).version
        ours.append(time.perf_counter() - start)
    for to, old in [places, places[::-1]] * 4:
        start = time.perf_counter()
        async with database.transaction() as tx:
            moved = await tx.execute(sql, [to, len(old) + 1, old, f"{old[:-1]}0"])
        limit.append(time.perf_counter() - start)
        assert moved == MOVED, moved
    return 1 / statistics.median(ours), 1 / statistics.median(limit)


def _record(database: Database, id: str, title: str, units: int, per_s: tuple[float, float]) -> dict[str, Any]:
    ours, limit = per_s
    return {
        "part": "tree",
        "database": database.dialect.name,
        "operation": id,
        "title": title,
        "units": units,
        "ours_per_s": round(ours, 1),
        "limit_per_s": round(limit, 1),
        "ratio": round(ours / limit, 3),
        "target": TARGETS[id],
    }
