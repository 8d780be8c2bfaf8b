"""Switching while everything runs: what answers, what refuses, what follows, what goes away."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from graphql import graphql
from tongban_sdk import ANONYMOUS, Actor, InvalidInputError, NotFoundError, UnavailableError

from core.host import Host
from core.plugins.generation import Generation
from core.read import RequestContext
from tests.plugins.folders import Bench

CALLER = Actor(id="u1", kind="citizen", division="640522100000")


def _roots(host: Host) -> set[str]:
    query = host.generation.graphql.query_type
    assert query is not None
    return {name for name in query.fields if name.startswith(("one", "two", "three"))}


async def _ask(generation: Generation, host: Host, query: str) -> dict[str, Any]:
    context = RequestContext(generation=generation, actor=ANONYMOUS, database=host.database, host=host)
    result = await graphql(generation.graphql, query, context_value=context)
    assert not result.errors, result.errors
    return result.data or {}


async def _count(host: Host, table: str) -> int:
    return int(await host.database.fetch_value(f"SELECT count(*) FROM {table}", []))


async def test_off_leaves_nothing_in_the_api_and_on_brings_the_data_back(bench: Bench) -> None:
    bench.plugin("one")
    bench.plugin("two")
    async with bench.open() as host:
        everything = _roots(host)
        assert everything == {"oneThing", "oneThings", "oneThingStats", "twoThing", "twoThings", "twoThingStats"}
        await host.generation.host_api(CALLER).create("one.thing", {"name": "甲"})
        status = await host.registry.set_state("one", "off", actor=CALLER)
        assert (status.state, status.reason) == ("off", "")
        assert _roots(host) == {"twoThing", "twoThings", "twoThingStats"}
        assert not [name for name in host.generation.graphql.type_map if name.startswith("One")]
        with pytest.raises(NotFoundError):
            await host.generation.host_api(CALLER).find("one.thing")
        await host.registry.set_state("one", "on", actor=CALLER)
        assert _roots(host) == everything
        assert [row["name"] for row in await host.generation.host_api(CALLER).find("one.thing")] == ["甲"]


async def test_a_request_sees_the_states_of_its_own_generation(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        old = host.generation
        await host.registry.set_state("one", "off")
        seen = await host.registry.overview(old), await host.registry.overview()
        assert [states["one"].state for states in seen] == ["on", "off"]


async def test_the_choice_outlives_the_process(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        await host.registry.set_state("one", "off", actor=CALLER)
        number = host.generation.number
    async with bench.open() as host:
        assert (host.registry.statuses()["one"].state, host.generation.number) == ("off", number)
        assert _roots(host) == set()


async def test_draining_takes_nothing_new_and_finishes_the_old(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        row = await host.generation.host_api(CALLER).create("one.thing", {"name": "甲"})
        assert (await host.registry.set_state("one", "draining")).state == "draining"
        api = host.generation.host_api(CALLER)
        with pytest.raises(UnavailableError, match="正在停办"):
            await api.create("one.thing", {"name": "乙"})
        assert (await api.update("one.thing", row["id"], 1, {"name": "丙"}))["name"] == "丙"
        assert await _count(host, "one_thing") == 1


async def test_a_division_can_be_off_while_others_go_on(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        await host.registry.set_state("one", "off", "640522000000")
        await host.registry.set_state("one", "on", "640522200000")
        api = host.generation.host_api(CALLER)
        with pytest.raises(UnavailableError, match="没有启用"):
            await api.create("one.thing", {"name": "甲", "division": "640522100000"})
        assert await _count(host, "one_thing") == 0
        await api.create("one.thing", {"name": "乙", "division": "640522200000"})
        await api.create("one.thing", {"name": "丙", "division": "640181000000"})
        assert await _count(host, "one_thing") == 2
        assert host.registry.statuses()["one"].divisions == {"640522000000": "off", "640522200000": "on"}
        # Off everywhere else, it stays in the API for the one division.
        await host.registry.set_state("one", "off")
        assert "oneThings" in _roots(host)
        with pytest.raises(UnavailableError):
            await host.generation.host_api(CALLER).create("one.thing", {"name": "丁", "division": "640181000000"})


@pytest.mark.parametrize(
    ("plugin_id", "state", "division", "kind"),
    [
        ("nothing", "off", None, NotFoundError),
        ("one", "maybe", None, InvalidInputError),
        ("core", "off", None, InvalidInputError),
        ("one", "off", "640522", InvalidInputError),
    ],
)
async def test_a_wrong_switch_changes_nothing(
    bench: Bench, plugin_id: str, state: Any, division: str | None, kind: type[Exception]
) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        with pytest.raises(kind):
            await host.registry.set_state(plugin_id, state, division)
        assert (host.generation.number, await _count(host, "tb_plugin")) == (0, 0)


async def test_what_is_missing_waits_and_comes_by_itself(bench: Bench) -> None:
    bench.plugin("one")
    bench.plugin("two", requires="[one]")
    bench.plugin("three", requires="[nowhere]")
    async with bench.open() as host:
        statuses = host.registry.statuses()
        assert (statuses["one"].state, statuses["two"].state, statuses["three"].state) == ("on", "on", "waiting")
        assert "nowhere" in statuses["three"].reason
        await host.registry.set_state("one", "off")
        assert host.registry.statuses()["two"].state == "waiting"
        assert host.registry.statuses()["two"].reason == "等待依赖 one（已停用）"
        await host.registry.set_state("one", "on")
        assert host.registry.statuses()["two"].state == "on"


async def test_a_broken_manifest_and_a_rival_stay_out_alone(bench: Bench) -> None:
    bench.plugin("one")
    bench.plugin("two", conflicts="[one]")
    bench.plugin("three")
    bench.write(
        "three", "entities/thing.yaml", "entity: thing\ntitle: 东西\nfields: {name: {type: nonsense, title: 名}}"
    )
    async with bench.open() as host:
        statuses = host.registry.statuses()
        assert (statuses["one"].state, statuses["two"].state, statuses["three"].state) == ("on", "waiting", "invalid")
        assert statuses["two"].reason == "与正在运行的插件 one 冲突"
        assert "thing.yaml:" in statuses["three"].reason
        await host.registry.set_state("one", "off")
        assert host.registry.statuses()["two"].state == "on"


async def test_a_folder_dropped_in_while_running_comes_with_the_next_switch(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        bench.plugin("two")
        await host.registry.set_state("one", "draining")
        assert "twoThings" in _roots(host)
        await host.generation.host_api(CALLER).create("two.thing", {"name": "甲"})
        assert await _count(host, "two_thing") == 1


async def test_another_node_follows_within_two_seconds(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open(follow=True) as first, bench.open(follow=True) as second:
        swapped: list[int] = []
        second.registry.on_swap.append(lambda old, new: swapped.append(new.number))
        await first.registry.set_state("one", "off")
        assert not await first.registry.has_converged()
        for _ in range(20):
            if not (swapped and await first.registry.has_converged()):  # a node swaps first, then reports
                await asyncio.sleep(0.1)
        assert swapped == [1]
        assert _roots(second) == set()
        nodes = await first.registry.nodes()
        assert {node.node_id for node in nodes} == {first.registry.node_id, second.registry.node_id}
        assert {(node.generation, node.manifest_hash, node.schema_hash) for node in nodes} == {
            (first.generation.number, first.generation.manifest_hash, first.generation.schema_hash)
        }
        assert await first.registry.has_converged()
    async with bench.open() as host:
        assert await host.registry.nodes() == []


async def test_a_node_of_an_older_release_is_a_node(bench: Bench) -> None:
    async with bench.open(follow=True) as host:
        async with host.database.transaction() as transaction:
            await transaction.execute("UPDATE tb_node SET quarantined = NULL")
        assert [dict(node.quarantined) for node in await host.registry.nodes()] == [{}]
        assert (await host.registry.overview())["core"].state == "on"


async def test_an_old_generation_is_collected(bench: Bench) -> None:
    bench.plugin("one")
    bench.plugin("two")
    async with bench.open() as host:
        await _ask(host.generation, host, "{ oneThings { nodes { name } } }")
        gone = [weakref.ref(host.generation), weakref.ref(host.generation.schema), weakref.ref(host.generation.graphql)]
        await host.registry.set_state("one", "off")
        gone.append(weakref.ref(host.generation))
        await host.registry.set_state("one", "on")
        gc.collect()
        assert [ref() for ref in gone] == [None, None, None, None]


async def test_requests_during_toggles_see_one_whole_generation_each(bench: Bench) -> None:
    """200 requests, 100 toggles: each answer has both plugins' fields or the request was made against neither."""
    bench.plugin("one")
    bench.plugin("two", requires="[one]")
    async with bench.open() as host:
        await host.generation.host_api(CALLER).create("one.thing", {"name": "甲"})
        answers: list[str] = []

        async def request() -> None:
            generation = host.generation
            query = generation.graphql.query_type
            assert query is not None
            if "oneThings" in query.fields:
                data = await _ask(generation, host, "{ oneThings { nodes { name } } twoThings { totalCount } }")
                assert data == {"oneThings": {"nodes": [{"name": "甲"}]}, "twoThings": {"totalCount": 0}}
                answers.append("both")
            else:
                assert "twoThings" not in query.fields
                assert set(generation.world.plugins) == {"core"}
                answers.append("neither")
            await asyncio.sleep(0.001)

        async def toggle() -> None:
            for count in range(100):
                await host.registry.set_state("one", "on" if count % 2 else "off")

        toggling = asyncio.create_task(toggle())
        while not toggling.done() or len(answers) < 200:
            await request()
        await toggling
        assert host.generation.number == 100
        assert set(answers) == {"both", "neither"}


async def test_toggles_asked_at_once_end_in_one_state(bench: Bench) -> None:
    bench.plugin("one")
    async with bench.open() as host:
        built: list[int] = []
        host.registry.on_swap.append(lambda old, new: built.append(new.number))
        await asyncio.gather(*(host.registry.set_state("one", "off" if n % 2 else "on") for n in range(10)))
        assert host.generation.number == 10
        assert built == sorted(set(built))  # one build at a time, each newer than the last
        assert built[-1] == 10
        assert host.registry.statuses()["one"].state == (await _state(host))


async def _state(host: Host) -> str:
    return str(await host.database.fetch_value("SELECT state FROM tb_plugin WHERE plugin_id = 'one'", []))
