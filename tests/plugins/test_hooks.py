"""Twenty kinds of faulty plugin beside a good one: the culprit is named, the good one never notices."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from graphql import graphql
from tongban_sdk import ANONYMOUS, Actor, ConflictError, UnavailableError

from core.host import Host
from core.plugins.breaker import FAILURES_MAX
from core.plugins.status import PluginStatus
from core.read import RequestContext
from tests.plugins.folders import Bench

CALLER = Actor(id="u1", kind="citizen", division="640522100000")
HEAD = """
import asyncio, time
import strawberry
from tongban_sdk import ConflictError, GraphqlTypes, hookimpl

class Plugin:
    @hookimpl
"""
#: What a plugin does wrong has nothing to do with the database.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
JOBS = "jobs:\n  tick: {title: 滴答, run: tick, timeout_s: 1, max_tries: 2}\n"


async def _good_works(host: Host) -> None:
    assert host.registry.statuses()["good"].state == "on"
    row = await host.generation.host_api(CALLER).create("good.thing", {"name": "甲"})
    assert (await host.generation.host_api(ANONYMOUS).read("good.thing", row["id"]) or {})["name"] == "甲"


LOADING = {
    "import raises": ("raise ValueError('x')", "抛出 ValueError"),
    "import exits": ("raise SystemExit(3)", "抛出 SystemExit"),
    "no such class": ("x = 1", "抛出 AttributeError"),
    "constructor raises": ("class Plugin:\n    def __init__(self): raise KeyError('x')", "抛出 KeyError"),
    "unknown hook": (f"{HEAD}    def nonsense(self): pass", "抛出 PluginValidationError"),
    "unknown argument": (f"{HEAD}    def jobs(self, nonsense): pass", "抛出 PluginValidationError"),
    "types raise": (f"{HEAD}    def graphql_types(self): raise RuntimeError", "抛出 RuntimeError"),
    "types are nonsense": (f"{HEAD}    def graphql_types(self): return 7", "应返回 GraphqlTypes，得到 int"),
    "types block": (f"{HEAD}    def graphql_types(self): time.sleep(9)", "超过 0.25 秒"),
    "types loop": (f"{HEAD}    def graphql_types(self):\n        while True: pass", "超过 0.25 秒"),
    "types wait": (f"{HEAD}    async def graphql_types(self): await asyncio.sleep(9)", "超过 1 秒"),
    "jobs are a list": (f"{HEAD}    def jobs(self): return [1]", "应返回 Mapping，得到 list"),
    "jobs are sync": (f"{HEAD}    def jobs(self): return {{'tick': print}}", "应返回 名称 → async 函数，得到 别的值"),
    "jobs are huge": (
        f"{HEAD}    def jobs(self):\n        async def f(c): pass\n        return {{str(n): f for n in range(100000)}}",
        "应返回 名称 → async 函数，得到 别的值",
    ),
    "types collide": (
        f"{HEAD}    def graphql_types(self): return GraphqlTypes(query=Query)\n\n"
        "@strawberry.type\nclass Query:\n    @strawberry.field\n    def good_things(self) -> str: return 'x'\n",
        "应返回 以 bad 开头的字段，得到 goodThings",
    ),
    "types are no types": (
        f"{HEAD}    def graphql_types(self): return GraphqlTypes(query=int)",
        "应返回 strawberry 类型，得到 int",
    ),
}


@ON_SQLITE
@pytest.mark.parametrize(("python", "reason"), LOADING.values(), ids=LOADING.keys())
async def test_a_plugin_that_does_not_load_fails_alone(bench: Bench, python: str, reason: str) -> None:
    bench.plugin("bad", python=python)
    bench.plugin("good")
    async with bench.open() as host:
        status = host.registry.statuses()["bad"]
        assert status.state == "failed"
        assert reason in status.reason
        await _good_works(host)


async def test_a_handler_the_manifest_names_must_exist(bench: Bench) -> None:
    bench.plugin("bad", python=f"{HEAD}    def jobs(self): return {{}}")
    bench.write("bad", "jobs.yaml", JOBS)
    async with bench.open() as host:
        status = host.registry.statuses()["bad"]
        assert (status.state, status.reason) == ("failed", "缺少处理函数 tick")


CHECKS = {
    "raises": "    def check_change(self, change): raise ValueError('王小明')",
    "blocks": "    def check_change(self, change): time.sleep(9)",
    "loops under except": (
        "    def check_change(self, change):\n        while True:\n            try:\n                while True: pass\n"
        "            except Exception: pass"
    ),
    "waits": "    async def check_change(self, change): await asyncio.sleep(9)",
    "answers": "    def check_change(self, change): return 'x' * 10_000_000",
}


@ON_SQLITE
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
async def test_a_check_that_cannot_answer_refuses_its_own_rows_only(bench: Bench, check: str) -> None:
    bench.plugin("bad", python=HEAD + check)
    bench.plugin("good")
    async with bench.open() as host:
        for _ in range(FAILURES_MAX):
            with pytest.raises(UnavailableError, match="暂时无法核对"):
                await host.generation.host_api(CALLER).create("bad.thing", {"name": "乙"})
        await _good_works(host)
        status = host.registry.statuses()["bad"]
        assert status.state == "quarantined"
        assert status.reason.startswith("插件 bad 的 check_change：")
        assert "王小明" not in status.reason
        begun = time.monotonic()
        with pytest.raises(UnavailableError):
            await host.generation.host_api(CALLER).create("bad.thing", {"name": "乙"})
        assert time.monotonic() - begun < 0.2  # quarantined: not even called
        assert await host.database.fetch_value("SELECT count(*) FROM bad_thing", []) == 0


async def test_a_quarantine_in_one_process_is_seen_in_all(bench: Bench) -> None:
    """Breakers live in processes; commands and other nodes must learn of them all the same."""
    bench.plugin("bad", python=f"{HEAD}    def check_change(self, change): raise ValueError")
    async with bench.open(follow=True) as sick:
        for _ in range(FAILURES_MAX):
            with pytest.raises(UnavailableError):
                await sick.generation.host_api(CALLER).create("bad.thing", {"name": "乙"})
        async with bench.open() as other:
            assert other.registry.statuses()["bad"].state == "on"  # here nothing has failed
            status = await _quarantined(other)
            assert status.reason == f"插件 bad 的 check_change：抛出 ValueError（节点 {sick.registry.node_id}）"
            assert (await other.registry.overview())["core"].state == "on"
    async with bench.open() as host:
        assert (await host.registry.overview())["bad"].state == "on"  # gone with its process


async def _quarantined(host: Host) -> PluginStatus:
    """As soon as the sick node has reported: every two seconds."""
    for _ in range(40):
        if (status := (await host.registry.overview())["bad"]).state == "quarantined":
            break
        await asyncio.sleep(0.1)
    return status


async def test_a_refusal_reaches_the_caller_and_writes_nothing(bench: Bench) -> None:
    bench.plugin("one", python=f"{HEAD}    def check_change(self, change): raise ConflictError('满了')")
    async with bench.open() as host:
        with pytest.raises(ConflictError, match="满了"):
            await host.generation.host_api(CALLER).create("one.thing", {"name": "甲"})
        for rows in ("one_thing", "tb_history WHERE entity = 'one.thing'", "tb_outbox WHERE entity = 'one.thing'"):
            assert await host.database.fetch_value(f"SELECT count(*) FROM {rows}", []) == 0


RESOLVERS = {
    "raises": "raise ValueError('王小明')",
    "blocks": "time.sleep(9)",
    "loops": "\n        while True: pass",
}


@ON_SQLITE
@pytest.mark.parametrize("body", RESOLVERS.values(), ids=RESOLVERS.keys())
async def test_a_faulty_resolver_fails_its_own_field_only(bench: Bench, body: str) -> None:
    python = (
        f"{HEAD}    def graphql_types(self): return GraphqlTypes(query=Query)\n\n"
        f"@strawberry.type\nclass Query:\n    @strawberry.field\n    def bad_field(self) -> str | None: {body}\n"
    )
    bench.plugin("bad", python=python)
    bench.plugin("good")
    async with bench.open() as host:
        answer = await _ask(host, "{ badField goodThings { totalCount } }")
        assert answer["data"] == {"badField": None, "goodThings": {"totalCount": 0}}
        assert [str(error.original_error) for error in answer["errors"]] == ["这项功能暂时不可用，请稍后再试"]
        await _good_works(host)


async def _ask(host: Host, query: str) -> dict[str, Any]:
    generation = host.generation
    context = RequestContext(generation=generation, actor=ANONYMOUS, database=host.database, host=host)
    result = await graphql(generation.graphql, query, context_value=context)
    return {"data": result.data, "errors": result.errors or []}


async def test_a_listener_that_fails_ends_in_dead_letters_and_others_hear_all(bench: Bench) -> None:
    bench.plugin("bad", python=f"{HEAD}    def on_changed(self, change): raise ValueError", requires="[good]")
    hear = "    async def on_changed(self, change):\n        heard.append((change.entity, change.action))"
    bench.plugin("good", python=f"heard = []\n{HEAD}{hear}")
    async with bench.open() as host:
        for _ in range(3):
            await _good_works(host)
        await host.registry.jobs.run_all()
        import good_part  # type: ignore[import-not-found]  # written above

        assert good_part.heard == [("good.thing", "create")] * 3
        rows = await host.database.fetch("SELECT plugin_id, name, error FROM tb_job", [])
        assert [tuple(row) for row in rows] == [("bad", ":on_changed", "插件 bad 的 on_changed：抛出 ValueError")] * 3


async def test_a_job_that_overruns_is_stopped_tried_again_and_buried(bench: Bench) -> None:
    jobs = (
        "    def jobs(self):\n        async def tick(context): await asyncio.sleep(60)\n        return {'tick': tick}"
    )
    bench.plugin("one", python=HEAD + jobs)
    bench.write("one", "jobs.yaml", JOBS.replace("timeout_s: 1", "timeout_s: 0.1"))
    async with bench.open() as host:
        await host.generation.host_api(CALLER).schedule("one.tick")
        await host.registry.jobs.run_all()
        async with host.database.transaction() as transaction:  # no need to wait for the pause
            await transaction.execute("UPDATE tb_job SET run_at = created_at")
        await host.registry.jobs.run_all()
        [letter] = await host.registry.jobs.queue.dead_letters()
        assert (letter["plugin_id"], letter["name"], letter["tries"], letter["error"]) == (
            "one", "tick", 2, "插件 one 的 tick：超过 0.1 秒",
        )  # fmt: skip


async def test_on_disabled_may_fail_and_the_switch_goes_on(bench: Bench) -> None:
    bench.plugin("one", python=f"{HEAD}    def on_disabled(self, host): raise ValueError")
    async with bench.open() as host:
        assert (await host.registry.set_state("one", "off")).state == "off"
