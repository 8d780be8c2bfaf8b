"""Every field of every entity × every role and identity × own, near, far and child rows, in lists and alone.

What the running API shows is compared, cell by cell, with a table worked out from the YAML files alone.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import pytest_asyncio
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.api.compose import Composer
from core.api.documents import TrustedDocuments
from core.api.execution import Execution, GraphQLRequest
from core.audit import Entry
from core.crypto import Vault
from core.manifest.reader import read_world
from core.read import Reader
from core.settings import ROOT, read_settings
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from tests.conftest import empty_place
from tests.rights import expected
from tests.rights.expected import Book, Caller, Form, Oracle, read_book
from tests.rights.town import CLUSTERS, NOW, OWN, Town, build_town, fill, uid

FOLDERS = tuple(ROOT / "manifests" / name for name in ("core", "community"))
IN_TOWN = pytest.mark.asyncio(loop_scope="module")
POINT = "{ lng lat crs }"


@dataclass
class Recorder:
    """Stands where the audit stands."""

    database: Database
    entries: list[Entry] = field(default_factory=list)

    async def record(self, *entries: Entry) -> None:
        self.entries += entries


@dataclass
class Api:
    """The planner, the schema and the doors of one process, over the town."""

    town: Town
    execution: Execution
    audit: Recorder

    async def ask(self, query: str, actor: Actor) -> Any:
        return orjson.loads(await self.execution.answer(GraphQLRequest(query), actor))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    folder: Path = tmp_path_factory.mktemp("rights")
    async with empty_place(request.param, folder) as (url, schema):
        database = await Database.open(url, pool_max=2, schema=schema)
        try:
            yield await _open(database, folder)
        finally:
            await database.close()


async def _open(database: Database, folder: Path) -> Api:
    world, problems = read_world(FOLDERS)
    assert problems == []
    await migrate(database, ENGINE_TABLES)
    vault = await Vault.open(database, read_settings({"TONGBAN_DATA_DIR": str(folder)}))
    town, audit, access = build_town(world), Recorder(database), AccessModel(world)
    await fill(database, town, vault, sorted(granted(read_book(FOLDERS), town)))
    schema = await Composer()(world, {})
    reader = Reader(world, access, vault, audit)  # type: ignore[arg-type]  # records instead of writing
    reader.use(schema._schema, database.dialect)
    generation = SimpleNamespace(world=world, access=access, reader=reader, schema=schema, writer=None, number=1)
    host: Any = SimpleNamespace(generation=generation, database=database, audit=audit, vault=vault)
    return Api(town, Execution(host, TrustedDocuments(), "dev"), audit)


def granted(book: Book, town: Town) -> frozenset[tuple[str, str]]:
    """Everybody but the child agrees to everything."""
    people = [town.id("core.person", cluster) for cluster in CLUSTERS if cluster.name != "child"]
    return frozenset((person, purpose) for person in people for purpose in book.consents)


def actor_of(roles: frozenset[str], town: Town, **more: Any) -> Actor:
    """One person with one set of facts, whatever his roles."""
    facts: dict[str, Any] = {
        "id": "u-me", "kind": "staff", "person": town.id("core.person"), "roles": roles | {"anonymous"},
        "org": town.id("core.org_unit"), "org_path": OWN.org_path, "division": "640522100000", "grids": (OWN.grid,),
        "staff": town.id("core.staff"), "real_name": 2,
    }  # fmt: skip
    return Actor(**facts | more)


def callers(book: Book, town: Town) -> Iterator[tuple[str, Actor]]:
    yield "nobody", Actor()
    for role in sorted(book.roles):
        if role != "anonymous":
            yield role, actor_of(frozenset({role}), town)
    yield "resident known by phone only", actor_of(frozenset({"resident"}), town, real_name=1)
    yield "resident and worker", actor_of(frozenset({"resident", "community_worker"}), town)
    for scopes in ((), ("core",), ("core", "community")):
        delegate = actor_of(frozenset({"delegate"}), town, agent=town.id("core.person", CLUSTERS[1]), scopes=scopes)
        yield f"delegate for {scopes}", delegate


def caller_of(actor: Actor) -> Caller:
    me = {name: getattr(actor, name) for name in (
        "person", "roles", "org", "org_path", "division", "grids", "staff", "legal_entity", "real_name", "agent",
        "scopes",
    )}  # fmt: skip
    return Caller(actor.roles, me | {"id": actor.id or None})


def selection(book: Book, entity: str) -> str:
    parts = ["maskedFields"]
    for f in book.entities[entity].fields.values():
        name = camel(f.name)
        parts.append(f"{name}Id" if f.type == "ref" else f"{name} {POINT}" if f.type == "point" else name)
    return " ".join(parts)


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@dataclass
class Report:
    cells: Counter[Form] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.cells.values())


async def compare(api: Api, book: Book, wanted: Mapping[str, Actor], entities: list[str]) -> Report:
    report = Report()
    oracle = Oracle(book, api.town.printed(), NOW, granted(book, api.town))
    for who, actor in wanted.items():
        for entity in entities:
            await _compare_entity(api, oracle, report, who, actor, entity)
    return report


async def _compare_entity(api: Api, oracle: Oracle, report: Report, who: str, actor: Actor, entity: str) -> None:
    caller, declared = caller_of(actor), api.town.world.entities[entity]
    rows, fields = oracle.rows[entity], selection(oracle.book, entity)
    single = " ".join(f'r{i}: {declared.query_name}(id: "{id}") {{ {fields} }}' for i, id in enumerate(rows))
    lists = f"all: {declared.list_name}(first: 100) {{ totalCount nodes {{ {fields} }} }}"
    for query, listed in ((single, False), (lists, True)):
        api.audit.entries.clear()
        answer = await api.ask(f"{{ {query} }}", actor)
        place = f"{who} · {entity} · {'list' if listed else 'single'}"
        if not oracle.rules(caller, entity):
            if {e["extensions"]["code"] for e in answer.get("errors", ())} != {"PERMISSION_DENIED"}:
                report.wrong.append(f"{place}: must be denied, got {str(answer)[:200]}")
            report.cells["hidden"] += len(rows) * len(oracle.book.entities[entity].fields)
            continue
        if "errors" in answer:
            report.wrong.append(f"{place}: {str(answer['errors'])[:300]}")
            continue
        if listed:
            found = {node["id"]: node for node in answer["data"]["all"]["nodes"]}
            visible = sum(bool(oracle.admitting(caller, entity, row)) for row in rows.values())
            if answer["data"]["all"]["totalCount"] != visible:
                report.wrong.append(f"{place}: totalCount {answer['data']['all']['totalCount']}, not {visible}")
        else:
            found = {id: answer["data"][f"r{i}"] for i, id in enumerate(rows)}
        seen = {name for id in rows for name in _compare_row(oracle, report, place, caller, entity, id, found, listed)}
        told = {name for entry in api.audit.entries for name in entry.fields}
        if seen != told:
            report.wrong.append(f"{place}: in clear {sorted(seen)}, told to the audit {sorted(told)}")


def _compare_row(
    oracle: Oracle, report: Report, place: str, caller: Caller, entity: str, id: str, found: Any, listed: bool
) -> set[str]:
    """Compare one row; the sensitive fields it must show in clear."""
    row, fields = oracle.rows[entity][id], oracle.book.entities[entity].fields
    forms, node = oracle.forms(caller, entity, row, listed=listed), found.get(id)
    place = f"{place} · {cluster_of(id)}"
    if forms is None or node is None:
        report.cells["hidden"] += len(fields)
        if (forms is None) is not (node is None):
            report.wrong.append(f"{place}: row is {'shown' if node else 'missing'}")
        return set()
    masked = set(node["maskedFields"])
    for name, f in fields.items():
        key = f"{camel(name)}Id" if f.type == "ref" else camel(name)
        shown = form_of(f, row.get(name), node[key], camel(name) in masked)
        report.cells[forms[name]] += 1
        if shown != forms[name] and not (row.get(name) is None and forms[name] != "masked" and shown != "masked"):
            report.wrong.append(f"{place} · {name}: {shown}, expected {forms[name]}")
    return {name for name, form in forms.items() if form == "clear" and fields[name].is_sensitive}


def form_of(f: expected.Field, value: Any, shown: Any, is_masked: bool) -> str:
    if is_masked:
        return "masked" if shown == mask(f, value) else f"masked as {shown!r}"
    if shown is None:
        return "hidden"
    return "clear" if shown == value else f"another value {shown!r} than {value!r}"


def mask(f: expected.Field, value: Any) -> str | None:
    """How domain.md says a value is masked; what is no text has no mask."""
    if not isinstance(value, str) or f.type in ("enum", "date", "datetime", "time", "ref", "file", "decimal", "money"):
        return None
    kind = f.spec.get("mask", {"idno": "idno", "phone": "phone", "plate": "plate"}.get(f.type, "stars"))
    match kind:
        case "name":
            return value[0] + "**"
        case "idno":
            return value[:6] + "********" + value[-4:]
        case "phone":
            return value[:3] + "****" + value[-4:]
        case "plate":
            return value[:2] + "·**" + value[-3:]
        case "address":
            return value[: value.index("号楼") + 2] + "****"
        case "tail4":
            return "****" + value[-4:]
    return "****"


def cluster_of(id: str) -> str:
    return next(c.name for c in CLUSTERS if id.split("-")[4].startswith(f"{c.number:04x}"))


@IN_TOWN
async def test_the_whole_matrix_is_what_the_manifests_say(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    book = read_book(FOLDERS)
    assert book.entities.keys() == api.town.world.entities.keys()
    report = await compare(api, book, dict(callers(book, api.town)), list(book.entities))
    with capsys.disabled():
        print(f"\nrights matrix: {report.total} cells {dict(report.cells)}, {len(report.wrong)} wrong")
    assert report.wrong == [], "\n".join(report.wrong[:40])
    assert min(report.cells[form] for form in ("clear", "masked", "hidden")) > 500


@IN_TOWN
async def test_edges_lead_to_visible_rows_only(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """To-one refs and inverse lists of every entity, from every row each caller sees."""
    book = read_book(FOLDERS)
    oracle, edges, wrong = Oracle(book, api.town.printed(), NOW, granted(book, api.town)), 0, []
    for who, actor in callers(book, api.town):
        caller = caller_of(actor)
        for entity in book.entities:
            if oracle.rules(caller, entity) and (parts := _edges(book, entity)):
                name, rows = api.town.world.entities[entity].query_name, oracle.rows[entity]
                asked = " ".join(f'r{i}: {name}(id: "{id}") {{ {parts} }}' for i, id in enumerate(rows))
                answer = await api.ask(f"{{ {asked} }}", actor)
                assert "errors" not in answer, answer
                for i, (id, row) in enumerate(rows.items()):
                    if (node := answer["data"][f"r{i}"]) is not None:
                        for edge, found, wanted in _compare_edges(oracle, caller, entity, row, node):
                            edges += 1
                            if found != wanted:
                                wrong.append(f"{who} · {entity} · {cluster_of(id)} · {edge}: {found}, not {wanted}")
    with capsys.disabled():
        print(f"\nrights matrix: {edges} edges, {len(wrong)} wrong")
    assert wrong == [], "\n".join(wrong[:40])
    assert edges > 5000


def _edges(book: Book, entity: str) -> str:
    ones = [f"{camel(f.name)} {{ id }}" for f in book.entities[entity].fields.values() if f.type == "ref"]
    many = [f"{camel(name)}(first: 20) {{ totalCount nodes {{ id }} }}" for name in _inverses(book, entity)]
    return " ".join([*ones, *many])


def _inverses(book: Book, entity: str) -> dict[str, tuple[str, str]]:
    """Inverse lists exist inside one plugin."""
    plugin = entity.partition(".")[0]
    return {
        name: (other, ref)
        for (of, name), (other, ref) in book.inverses.items()
        if of == entity and other.partition(".")[0] == plugin
    }


def _compare_edges(
    oracle: Oracle, caller: Caller, entity: str, row: Mapping[str, Any], node: Any
) -> Iterator[tuple[str, Any, Any]]:
    forms = oracle.forms(caller, entity, row, listed=False) or {}
    for f in oracle.book.entities[entity].fields.values():
        if f.type == "ref":
            target = oracle.rows[oracle.book.refs[entity, f.name]][row[f.name]]
            is_open = forms[f.name] == "clear" and oracle.admitting(caller, oracle.book.refs[entity, f.name], target)
            found = node[camel(f.name)]
            yield f.name, found and found["id"], target["id"] if is_open else None
    for name, (other, ref) in _inverses(oracle.book, entity).items():
        wanted = {
            id
            for id, one in oracle.rows[other].items()
            if one[ref] == row["id"] and (oracle.forms(caller, other, one, listed=True) or {}).get(ref) == "clear"
        }
        page = node[camel(name)] or {"nodes": [], "totalCount": 0}
        yield name, {one["id"] for one in page["nodes"]}, wanted
        yield f"{name}.totalCount", page["totalCount"], len(wanted)


@IN_TOWN
async def test_one_changed_rule_is_found(api: Api) -> None:
    """The table of a book with one letter changed must not fit the running API."""
    book = read_book(FOLDERS)
    worker = {"w": actor_of(frozenset({"community_worker"}), api.town)}
    assert (await compare(api, book, worker, ["core.person"])).wrong == []
    for change in ({"clear": frozenset[str]()}, {"where": ()}, {"relation": "grid", "clear": frozenset({"idno"})}):
        rules = [
            dataclasses.replace(rule, **change)
            if (rule.role, rule.entity) == ("community_worker", "core.person")
            else rule
            for rule in book.rules
        ]
        changed = dataclasses.replace(book, rules=rules)
        assert (await compare(api, changed, worker, ["core.person"])).wrong, change


def test_clusters_are_told_apart() -> None:
    assert [cluster_of(uid(3, c, 1)) for c in CLUSTERS] == ["own", "near", "far", "child"]
