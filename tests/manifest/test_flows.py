"""Workflows and what goes with them: read whole, given back from what is stored, proved as graphs."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fields import all_fields
from core.manifest.case_record import CASE_RECORD, RECORD_NAMES, RUNNING_NAMES
from core.manifest.cases import NOWHERE, Limit, Workflow
from core.manifest.definitions import definition_hash
from core.manifest.flow_checks import cycles, reached, stuck, traps
from core.manifest.flows import KINDS, workflow_of
from core.manifest.model import Plugin
from core.manifest.outputs import DOCUMENT_FACTS, MESSAGE_FACTS
from core.manifest.placeholders import has_stray_brace, placeholders
from core.manifest.schemas import read_schema
from core.manifest.texts import text, texts_of
from core.store.case_tables import CASE
from core.store.case_tables import CASE_RECORD as RECORD_TABLE
from tests.manifest.cases_bookings import WITH_BOOKINGS
from tests.manifest.cases_connectors import WITH_CONNECTORS
from tests.manifest.cases_fees import WITH_FEES
from tests.manifest.flows import FLOWS, WORKFLOW, flow
from tests.manifest.folders import read

#: Effects of sections that have a sample of their own.
SHOWN_ELSEWHERE = ("task", "payment", "slot", "call")
NODES = "abcd"
Graph = dict[str, set[str]]
graphs = st.dictionaries(st.sampled_from(NODES), st.sets(st.sampled_from(NODES)), max_size=4)


@pytest.fixture
def grid(tmp_path: Path) -> Plugin:
    reading = read(tmp_path, FLOWS)
    assert reading.problems == []
    return reading.world().plugins["grid"]


def test_a_plugin_that_uses_every_word_once_is_read_whole(grid: Plugin) -> None:
    assert list(grid.workflows) == ["cleaning", "repair"]
    assert (list(grid.dispatch), list(grid.messages)) == (["repair"], ["assigned", "done"])
    assert (list(grid.documents), list(grid.indicators)) == (["receipt"], ["on_time", "orders", "cost"])
    repair = grid.workflows["repair"]
    assert [e.kind for e in repair.actions["finish"].effects] == [kind for kind in KINDS if kind not in SHOWN_ELSEWHERE]
    assert repair.states["submitted"].within == Limit(10, "MIN", "CN", "首问负责制")
    assert [child.service for child in repair.states["bundle"].children] == ["grid.clean", "grid.clean"]
    assert repair.actions["return"].needs_reason
    assert not repair.actions["begin"].needs_reason
    assert grid.messages["done"].must_reach_within == Limit(2, "H")
    assert [c.role for c in grid.dispatch["repair"].fallback] == ["grid_worker", "dispatcher"]


@pytest.mark.parametrize("schema", ["workflow", "dispatch", "messages", "documents", "indicators", "connectors"])
def test_the_sample_uses_every_key_of_the_schemas(schema: str) -> None:
    written = "".join(text for files in (FLOWS, WITH_FEES, WITH_BOOKINGS, WITH_CONNECTORS) for text in files.values())
    definitions = read_schema(f"{schema}.schema.json")["$defs"]
    keys = {key for part in definitions.values() for key in part.get("properties", {})}
    assert sorted(key for key in keys if f"{key}:" not in written) == []


def test_what_is_stored_gives_the_same_workflow_back(grid: Plugin) -> None:
    repair = grid.workflows["repair"]
    stored = orjson.loads(orjson.dumps(repair.document))
    again = workflow_of(stored, "grid")
    assert without_places(again) == without_places(repair)
    assert again.place.file == "grid.repair@1"


def without_places(flow: Workflow) -> Workflow:
    states = {s.id: replace(s, place=NOWHERE, children=tuple(replace(c, place=NOWHERE) for c in s.children))
              for s in flow.states.values()}  # fmt: skip
    actions = {a.id: replace(a, place=NOWHERE, effects=tuple(replace(e, place=NOWHERE) for e in a.effects))
               for a in flow.actions.values()}  # fmt: skip
    return replace(flow, place=NOWHERE, states=states, actions=actions)


def test_a_hash_is_of_the_content_not_of_its_order(grid: Plugin, tmp_path: Path) -> None:
    document = grid.workflows["repair"].document
    turned = dict(reversed(list(document.items())))
    assert list(turned) != list(document)
    assert definition_hash(turned) == definition_hash(document)
    changed = read(tmp_path / "b", flow(WORKFLOW, "{value: 4, unit: WH}", "{value: 5, unit: WH}"))
    assert changed.problems == []
    other = changed.world().plugins["grid"].workflows["repair"].document
    assert definition_hash(other) != definition_hash(document)


def test_what_people_read_can_be_translated(grid: Plugin) -> None:
    texts = texts_of(grid)
    assert texts["workflows.repair.states.submitted.public"] == "已收到"
    assert texts["workflows.repair.states.checking.public"] == "待验收"
    assert texts["workflows.repair.states.joint.parts.visit"] == "上门核实"
    assert texts["workflows.repair.actions.finish.guard_message"] == "请由接单的维修工完工"
    assert text(grid, "documents.receipt.title", "en") == "Receipt"
    assert text(grid, "documents.receipt.title", "kk") == "维修回执"


def test_a_record_of_statistics_has_the_columns_of_its_table() -> None:
    columns = {column.name: column.kind for field in all_fields(CASE_RECORD).values() for column in field.columns()}
    assert CASE_RECORD.table == RECORD_TABLE.name
    own, running = RECORD_NAMES - RUNNING_NAMES, {c.name: c.kind for c in CASE.columns}
    assert {name: columns[name] for name in own} == {c.name: c.kind for c in RECORD_TABLE.columns}
    assert {name: columns[name] for name in RUNNING_NAMES}.items() <= running.items()


@pytest.mark.parametrize(("schema", "facts"), [("messages", MESSAGE_FACTS), ("documents", DOCUMENT_FACTS)])
def test_the_page_tells_every_fact(schema: str, facts: dict[str, str]) -> None:
    description = read_schema(f"{schema}.schema.json")["description"]
    assert [name for name in facts if f"{{{name}}}" not in description] == []


@pytest.mark.parametrize(
    ("words", "names", "is_stray"),
    [
        ("您的{item}（{case_no}）", ["item", "case_no"], False),
        ("{a}}", ["a"], True),
        ("{{a}", ["a"], True),
        ("无", [], False),
    ],
)
def test_placeholders_stand_between_braces(words: str, names: list[str], is_stray: bool) -> None:
    assert placeholders(words) == names
    assert has_stray_brace(words) == is_stray


# Graphs of up to four nodes, against definitions that try every walk.


def walks(graph: Graph) -> set[tuple[str, str]]:
    """(from, to) of every walk of at least one step, by squaring the relation."""
    found = {(a, b) for a, following in graph.items() for b in following}
    for _ in NODES:
        found |= {(a, d) for (a, b), (c, d) in product(found, found) if b == c}
    return found


@given(graphs, st.sets(st.sampled_from(NODES)))
def test_reached_and_stuck_are_what_walks_say(graph: Graph, chosen: set[str]) -> None:
    ways = walks(graph)
    assert reached(chosen, graph) == chosen | {b for a, b in ways if a in chosen}
    ending = {a for a in NODES if a in chosen or any((a, end) in ways for end in chosen)}
    assert stuck(NODES, chosen, graph) == set(NODES) - ending
    lost = set(NODES) - ending
    assert traps(NODES, chosen, graph) == {a for a in lost if all((b, a) in ways for b in NODES if (a, b) in ways)}


@given(graphs)
def test_cycles_are_found_at_their_shortest(graph: Graph) -> None:
    ways = walks(graph)
    found = cycles(graph)
    assert {node for circle in found for node in circle} == {node for node in NODES if (node, node) in ways}
    for circle in found:
        assert all(b in graph[a] for a, b in zip(circle, [*circle[1:], circle[0]], strict=True))
        assert len(set(circle)) == len(circle)
    assert len({frozenset(circle) for circle in found}) == len(found)
    lengths = {node: shortest(node, graph) for node in NODES if (node, node) in ways}
    assert all(min(len(c) for c in found if node in c) == length for node, length in lengths.items())


def shortest(start: str, graph: Graph) -> int:
    front, steps = {start}, 0
    while True:
        front, steps = {b for a in front for b in graph.get(a, ())}, steps + 1
        if start in front:
            return steps


def test_every_field_of_a_workflow_is_read_from_its_document() -> None:
    made = {"plugin_id", "id", "place", "document"}
    keys = read_schema("workflow.schema.json")["properties"].keys()
    assert {f.name for f in fields(Workflow)} - made == keys - {"workflow"}
