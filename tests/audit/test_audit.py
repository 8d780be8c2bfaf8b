"""Lines: numbered without a gap, authenticated, together with what they tell of or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import AuditUnavailableError

from core.audit import Entry
from core.audit.lines import authentic, lane_bytes
from core.store.audit_tables import AUDIT
from core.store.database import Database, Transaction
from tests.audit.conftest import OTHER, PERSON, Bench, entry


async def check(bench: Bench) -> None:
    """Every lane counts 1, 2, 3 … to where its counter stands, and every MAC holds."""
    lanes = {row["id"]: row for row in await bench.rows("tb_audit_lane", "id")}
    numbers: dict[int, list[int]] = {id: [] for id in lanes}
    subjects = await bench.rows("tb_audit_subject", "person")
    for row in await bench.rows():
        numbers[row["lane"]].append(row["number"])
        mine = [s["person"] for s in subjects if (s["lane"], s["number"]) == (row["lane"], row["number"])]
        values = {**row, "at": _instant(bench.database, row["at"])}
        assert bench.vault.has_mac(authentic(values, mine), row["mac"])
    for id, lane in lanes.items():
        assert numbers[id] == list(range(1, lane["number"] + 1))
        assert bench.vault.has_mac(lane_bytes(id, lane["number"]), lane["mac"])


def _instant(database: Database, raw: Any) -> Any:
    return database.dialect.load(AUDIT.column("at"), raw)


async def test_a_line_tells_all_it_was_given(bench: Bench) -> None:
    aunt = Actor("a9", "citizen", PERSON, agent=OTHER, delegation="d1", session="s1")
    more = {"actor": aunt, "result": "ok", "fields": ("idno", "phone"), "purpose": "核验", "case": "CM1", "rule": "r#1"}
    await bench.audit.record(type(entry())(**{**_fields(entry()), **more, "subjects": (OTHER, PERSON), "detail": "x"}))
    [row] = await bench.rows()
    told = {k: v for k, v in row.items() if k not in ("at", "mac", "lane")}
    assert told == {
        "number": 1, "actor": "a9", "kind": "citizen", "principal": PERSON, "agent": OTHER, "action": "unmask",
        "entity": "core.person", "row_id": PERSON, "result": "ok", "fields": "idno,phone", "purpose": "核验",
        "case": "CM1", "rule": "r#1", "node": "node-1", "session": "s1", "detail": "x",
    }  # fmt: skip
    assert sorted(s["person"] for s in await bench.rows("tb_audit_subject", "person")) == [PERSON, OTHER]
    await check(bench)


def _fields(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


async def test_many_at_one_moment_share_a_transaction_and_lose_nothing(bench: Bench) -> None:
    await asyncio.gather(*(bench.audit.record(entry(row_id=str(n))) for n in range(300)))
    assert sorted(int(row["row_id"]) for row in await bench.rows()) == list(range(300))
    assert await bench.count("tb_audit_lane") == 1
    await check(bench)


async def _written(bench: Bench, *entries: Entry, is_undone: bool = False) -> None:
    async with bench.database.transaction() as tx:
        await tx.execute("INSERT INTO tb_sequence (id, value) VALUES ('x', 1)")
        await bench.audit.within(tx, *entries)
        if is_undone:
            raise ZeroDivisionError


async def test_lines_stand_or_fall_with_their_transaction(bench: Bench) -> None:
    async with bench.database.transaction() as tx:
        await bench.audit.within(tx, entry("one"), entry("two"))
        await bench.audit.within(tx, entry("three"))
    with pytest.raises(ZeroDivisionError):
        await _written(bench, entry("never"), is_undone=True)
    async with bench.database.transaction() as tx:
        await bench.audit.within(tx, entry("four"))
    assert [row["action"] for row in await bench.rows()] == ["one", "two", "three", "four"]
    assert await bench.count("tb_audit_lane") == 1
    await check(bench)


async def test_a_savepoint_rolled_back_takes_its_lines_along(bench: Bench) -> None:
    async with bench.database.transaction() as outer:
        await bench.audit.within(outer, entry("outer"))
        with pytest.raises(ZeroDivisionError):
            await _written(bench, entry("lost"), is_undone=True)
        async with bench.database.transaction() as inner:
            await bench.audit.within(inner, entry("inner"))
    await bench.audit.record(entry("after"))
    assert [action for action, _ in await bench.actions()].count("lost") == 0
    assert len(await bench.rows()) == 3
    await check(bench)


async def test_what_the_database_does_not_take_costs_the_others_nothing(bench: Bench) -> None:
    strange = entry(row_id="\0")
    calls = [bench.audit.record(entry(row_id="a")), bench.audit.record(strange), bench.audit.record(entry(row_id="b"))]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert (results[0], results[2]) == (None, None)
    assert {row["row_id"] for row in await bench.rows()} >= {"a", "b"}
    await check(bench)


async def test_a_lane_somebody_moved_is_left_and_the_line_is_written_all_the_same(bench: Bench) -> None:
    await bench.audit.record(entry("one"))
    await bench.run("UPDATE tb_audit_lane SET number = 7")
    await bench.audit.record(entry("two"))
    await bench.audit.close()
    assert sorted(await bench.actions()) == [("audit_lane_lost", "ok"), ("one", "ok"), ("two", "ok")]
    assert await bench.count("tb_audit_lane") == 2


async def test_lines_of_a_transaction_that_is_over_are_a_bug_not_lost(bench: Bench) -> None:
    async with bench.database.transaction() as outer:
        async with bench.database.transaction() as inner:
            await bench.audit.within(inner, entry("one"))
        with pytest.raises(RuntimeError):
            await bench.audit.within(inner, entry("late"))

        async def tell_more() -> None:
            await bench.audit.within(outer, entry("three"))

        outer.closing.append(tell_more)
        await bench.audit.within(outer, entry("two"))
    assert sorted(row["action"] for row in await bench.rows()) == ["one", "three", "two"]
    await check(bench)


async def test_no_audit_no_business_row(bench: Bench) -> None:
    await bench.run("ALTER TABLE tb_audit RENAME TO tb_away")
    with pytest.raises(AuditUnavailableError):
        await bench.audit.record(entry())
    with pytest.raises(AuditUnavailableError):
        await _written(bench, entry())
    assert await bench.count("tb_sequence") == 0
    await bench.run("ALTER TABLE tb_away RENAME TO tb_audit")
    await bench.audit.record(entry("again"))
    assert await bench.actions() == [("again", "ok")]
    await check(bench)


async def test_record_inside_a_transaction_is_a_bug_not_a_deadlock(bench: Bench) -> None:
    with pytest.raises(RuntimeError):
        async with bench.database.transaction():
            await bench.audit.record(entry())
    assert await bench.count() == 0


async def test_a_full_disk_is_felt_at_the_commit_and_its_end_by_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = bench.database.transaction

    @asynccontextmanager
    async def full() -> AsyncIterator[Transaction]:
        async with begin() as tx:
            yield tx
            raise OSError("no space left")  # where the commit would be

    assert await bench.audit.check() is None
    monkeypatch.setattr(bench.database, "transaction", full)
    with pytest.raises(AuditUnavailableError) as refused:
        await bench.audit.record(entry())
    assert await bench.audit.check() == refused.value.message
    assert await bench.count() == 0
    monkeypatch.setattr(bench.database, "transaction", begin)
    assert await bench.audit.check() is None
    assert await bench.audit.check() is None
    assert await bench.actions() == [("audit_resumed", "ok")]
