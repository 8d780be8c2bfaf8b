"""What the owner of the database may try: each is found, and the first bad row is named."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.audit import Audit
from core.audit.lines import lane_bytes, line_of
from core.audit.retention import expire
from core.audit.rows import read_rows, seal_of
from core.audit.sealer import PASS_S, SEALED_WITHIN_S, Sealer
from core.audit.verify import Report, Verifier
from core.audit.witness import Witness
from core.fields.times import utc_now
from core.store.audit_tables import AUDIT, AUDIT_SEAL
from core.store.database import Database, Insert
from tests.audit.conftest import OTHER, PERSON, Bench, entry


class Chain:
    """Two lanes; six lines sealed in two passes, then three that are not."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.witness = Witness.of(bench.settings, 7, bench.vault)
        self.sealer = Sealer(bench.database, bench.vault, "node-1", self.witness)
        self.other = Audit(bench.database, bench.vault, "node-2")

    async def fill(self) -> None:
        audit = self.bench.audit
        await audit.record(entry("a1"), entry("a2", subjects=(PERSON, OTHER)))
        await self.other.record(entry("b1"))
        await self.pass_()
        await audit.record(entry("a3"))
        await self.other.record(entry("b2"), entry("b3", subjects=()))
        await self.pass_()
        await audit.record(entry("a4"), entry("a5"))
        await self.other.record(entry("b4"))
        self.a, self.b = [row["id"] for row in await self.bench.rows("tb_audit_lane", "id")]

    async def pass_(self) -> None:
        await self.sealer._look()
        assert self.sealer.trouble == ""

    async def verify(self, since: datetime | None = None) -> Report:
        return await Verifier(self.bench.database, self.bench.vault, self.witness).verify(since)


@pytest.fixture
async def chain(bench: Bench) -> Chain:
    chain = Chain(bench)
    await chain.fill()
    return chain


async def test_an_honest_chain_verifies_sealed_part_and_tail(chain: Chain) -> None:
    assert await chain.verify() == Report(seals=4, lines=9, anchors=1)
    assert [row["id"] for row in await chain.bench.rows("tb_audit_seal", "id")] == [1, 2, 3, 4]
    await chain.pass_()
    assert await chain.verify() == Report(seals=6, lines=9, anchors=1)
    assert await chain.verify(datetime.now(UTC) - timedelta(hours=1)) == Report(seals=6, lines=9, anchors=1)
    assert await chain.verify(datetime.now(UTC) + timedelta(hours=1)) == Report(seals=0, lines=0, anchors=1)
    await chain.pass_()
    assert await chain.bench.count("tb_audit_seal") == 6


#: What is done, and the row that must be named. {a} and {b} are the lanes.
TAMPERINGS: dict[str, tuple[str, str]] = {
    "edit": ("UPDATE tb_audit SET action = 'x' WHERE lane = {a} AND number = 2", "通道 {a} 第 2 行 或"),
    "edit of the tail": ("UPDATE tb_audit SET rule = 'x' WHERE lane = {b} AND number = 4", "通道 {b} 第 4 行 或"),
    "another time": (
        "UPDATE tb_audit SET at = '2026-01-01T00:00:00.000Z' WHERE lane = {a} AND number = 3", "通道 {a} 第 3 行 或",
    ),
    "deletion": ("DELETE FROM tb_audit WHERE lane = {b} AND number = 2", "通道 {b} 第 2 行不见了"),
    "deletion in the tail": ("DELETE FROM tb_audit WHERE lane = {a} AND number = 4", "通道 {a} 第 4 行不见了"),
    "truncation of the tail": ("DELETE FROM tb_audit WHERE lane = {a} AND number > 4", "通道 {a} 第 5 行不见了"),
    "reorder": (
        "UPDATE tb_audit SET number = number + 100 WHERE lane = {a} AND number = 1;"
        "UPDATE tb_audit SET number = 1 WHERE lane = {a} AND number = 2;"
        "UPDATE tb_audit SET number = 2 WHERE lane = {a} AND number = 101",
        "通道 {a} 第 1 行 或",
    ),
    "insertion after the end": (
        "INSERT INTO tb_audit (lane, number, at, mac) VALUES ({a}, 6, '2026-01-01T00:00:00.000Z', 'x')",
        "通道 {a} 第 6 行是多出来的",
    ),
    "insertion with a counter": (
        "INSERT INTO tb_audit (lane, number, at, mac) VALUES ({a}, 6, '2026-01-01T00:00:00.000Z', 'x');"
        "UPDATE tb_audit_lane SET number = 6 WHERE id = {a}",
        "通道 {a} 的计数（6）被改动过",
    ),
    "insertion in a lane of its own": (
        "INSERT INTO tb_audit (lane, number, at, mac) VALUES (5, 1, '2026-01-01T00:00:00.000Z', 'x')",
        "通道 5 第 1 行是多出来的",
    ),
    "a lane forgotten": ("DELETE FROM tb_audit_lane WHERE id = {b}", "通道 {b} 第 1 行是多出来的"),
    "a counter set back": ("UPDATE tb_audit_lane SET number = 4 WHERE id = {a}", "通道 {a} 的计数（4）被改动过"),
    "another subject": (
        "UPDATE tb_audit_subject SET person = 'x' WHERE lane = {a} AND number = 1", "通道 {a} 第 1 行 或",
    ),
    "a subject less": (
        "DELETE FROM tb_audit_subject WHERE lane = {b} AND number = 2", "通道 {b} 第 2 行 或它的当事人记录",
    ),
    "a subject more": (
        "INSERT INTO tb_audit_subject (person, at, lane, number) VALUES ('x', '2026-01-01T00:00:00.000Z', {b}, 3)",
        "通道 {b} 第 3 行 或它的当事人记录",
    ),
    "a subject of nothing": (
        "INSERT INTO tb_audit_subject (person, at, lane, number) VALUES ('x', '2026-01-01T00:00:00.000Z', 5, 1)",
        "通道 5 第 1 行的当事人记录没有对应的审计行",
    ),
    "a seal changed": ("UPDATE tb_audit_seal SET last = 1 WHERE id = 1", "封印 1 被改动过"),
    "a seal gone": ("DELETE FROM tb_audit_seal WHERE id = 2", "封印 2 不见了"),
    "the last seals gone": ("DELETE FROM tb_audit_seal WHERE id > 2", "封印 3 不见了：链头文件 记到封印 4"),
    "the first seals gone": ("DELETE FROM tb_audit_seal WHERE id <= 2", "封印 1 不见了"),
    "a false checkpoint": (
        "DELETE FROM tb_audit WHERE lane = {a} AND number <= 2; DELETE FROM tb_audit_seal WHERE id = 1;"
        "INSERT INTO tb_audit_checkpoint (id, hash, lanes, at, mac) "
        "SELECT 1, 'x', '{a}:2', '2026-01-01T00:00:00.000Z', 'x'",
        "检查点 1 被改动过",
    ),
    "everything gone": (
        "DELETE FROM tb_audit; DELETE FROM tb_audit_subject; DELETE FROM tb_audit_lane; DELETE FROM tb_audit_seal",
        "封印 1 不见了：链头文件 记到封印 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_is_found_and_the_first_bad_row_named(chain: Chain, name: str) -> None:
    statements, said = (text.format(a=chain.a, b=chain.b) for text in TAMPERINGS[name])
    await chain.bench.run(*statements.split(";"))
    assert (await chain.verify()).fault.startswith(said)


async def test_two_bad_rows_the_earlier_is_named(chain: Chain) -> None:
    await chain.bench.run(
        f"UPDATE tb_audit SET action = 'x' WHERE lane = {chain.b}", "UPDATE tb_audit_lane SET number = 99"
    )
    report = await chain.verify()
    assert report.fault.startswith(f"通道 {chain.b} 第 1 行 或")
    assert report.seals == 1


async def test_a_line_that_was_never_committed_does_not_replace_the_one_that_was(chain: Chain) -> None:
    """Its MAC is right and its number too: only the chain tells them apart."""
    twin = line_of(chain.bench.vault, entry("b1", subjects=()), chain.b, 3, "node-2", utc_now()).values
    place = "?1" if chain.bench.database.dialect.name == "sqlite" else "$1"
    async with chain.bench.database.transaction() as tx:
        await tx.execute(f"DELETE FROM tb_audit WHERE lane = {chain.b} AND number = {place}", [3])
        await tx.insert([Insert(AUDIT, twin)])
    assert (await chain.verify()).fault == f"通道 {chain.b} 第 3 行 不是当时封印的那一行（封印 4）"


async def test_files_outside_are_checked_too(chain: Chain) -> None:
    [anchor] = list(chain.witness.anchors.glob("*.json"))
    good = anchor.read_text()
    anchor.write_text(good.replace('"seal": 2', '"seal": 1'))
    assert (await chain.verify()).fault == f"锚 {anchor.name} 的签名不符"
    anchor.write_text(good)
    head = chain.witness._head
    text = head.read_text()
    head.write_text(text.replace('"seal": 4', '"seal": 3'))
    assert "被改动过" in (await chain.verify()).fault
    head.unlink()
    assert "没有链头文件" in (await chain.verify()).fault
    head.write_text(text)
    assert (await chain.verify()).fault == ""


async def test_a_database_set_back_is_noticed_by_the_sealer(chain: Chain) -> None:
    await chain.bench.run("DELETE FROM tb_audit_seal WHERE id > 2")
    fresh = Sealer(chain.bench.database, chain.bench.vault, "node-3", chain.witness)
    await fresh._look()
    assert "对不上" in fresh.trouble


async def test_who_sealed_last_goes_on_and_another_takes_over_at_its_second_look(chain: Chain) -> None:
    seals = chain.bench.count
    second = Sealer(chain.bench.database, chain.bench.vault, "node-2", chain.witness)
    assert not await second.seal(at_once=False)
    assert await seals("tb_audit_seal") == 4
    await chain.sealer.seal(at_once=False)
    assert await seals("tb_audit_seal") == 6
    await second.seal(at_once=False)
    assert await seals("tb_audit_seal") == 6
    # The first one is dead: a line it left waits two looks of the second, the ones after that one look.
    await chain.bench.audit.record(entry("a6"))
    await second.seal(at_once=False)
    assert await seals("tb_audit_seal") == 6
    await second.seal(at_once=False)
    assert await seals("tb_audit_seal") == 7
    await chain.bench.audit.record(entry("a7"))
    await second.seal(at_once=False)
    assert await seals("tb_audit_seal") == 8
    # It was not dead, after all: it finds the other's seal and stands back.
    await chain.bench.audit.record(entry("a8"))
    await chain.sealer.seal(at_once=False)
    assert await seals("tb_audit_seal") == 8
    await chain.pass_()
    assert (await chain.verify()).fault == ""
    assert await seals("tb_audit_seal") == 9


def test_two_looks_fit_into_the_promise_twice() -> None:
    assert 2 * PASS_S <= SEALED_WITHIN_S / 2


async def test_many_sealers_at_once_make_one_chain(chain: Chain) -> None:
    """Each process has a connection of its own; none of them knows of the others."""
    url, schema = chain.bench.place
    databases = [await Database.open(url, pool_max=2, schema=schema) for _ in range(4)]
    sealers = [Sealer(one, chain.bench.vault, f"n{index}", chain.witness) for index, one in enumerate(databases)]
    try:
        for round in range(6):
            await chain.bench.audit.record(entry(f"r{round}"))
            await asyncio.gather(*(sealer.seal() for sealer in sealers))
    finally:
        for one in databases:
            await one.close()
    found = await chain.bench.rows("tb_audit_seal", "id")
    assert [row["id"] for row in found] == list(range(1, 12))
    own = [(row["first"], row["last"]) for row in found if row["lane"] == chain.a]
    assert own == [(1, 2), (3, 3), (4, 6), *((n, n) for n in range(7, 12))]
    await chain.pass_()
    assert (await chain.verify()).fault == ""


async def _age(chain: Chain, seals: str) -> None:
    """Seals of long ago, honestly made: the chain over them is made anew with their times."""
    database, old = chain.bench.database, datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)
    rows = [seal_of(row) for row in await read_rows(database, database.dialect, AUDIT_SEAL, f"WHERE {seals}")]
    async with database.transaction() as tx:
        await tx.execute(f"DELETE FROM tb_audit_seal WHERE {seals}")
        await tx.insert([Insert(AUDIT_SEAL, replace(seal, at=old).values(chain.bench.vault)) for seal in rows])


async def test_retention_takes_the_old_and_the_chain_still_verifies(chain: Chain) -> None:
    await _age(chain, "id <= 3")
    assert await expire(chain.bench.audit, utc_now(), 190) == 4
    report = await chain.verify()
    assert (report.fault, report.seals) == ("", 1)
    assert await expire(chain.bench.audit, utc_now(), 190) == 0
    told = [row for row in await chain.bench.rows() if row["action"] == "audit_retention"]
    assert [(row["actor"], row["detail"]) for row in told] == [("system", "removed 4 lines up to seal 3")]
    await chain.pass_()
    assert (await chain.verify()).fault == ""
    await chain.bench.run(f"DELETE FROM tb_audit WHERE lane = {chain.b} AND number = 2")
    assert (await chain.verify()).fault == f"通道 {chain.b} 第 2 行不见了"


RETENTION_TAMPERINGS: dict[str, tuple[str, str]] = {
    "a removed line comes back": (
        "INSERT INTO tb_audit (lane, number, at, mac) VALUES ({a}, 2, '2026-01-01T00:00:00.000Z', 'x')",
        "通道 {a} 第 2 行早已过期删除，是后来加上的",
    ),
    "no checkpoint": ("DELETE FROM tb_audit_checkpoint", "封印 1 不见了"),
    "more removed than was told": (
        "DELETE FROM tb_audit_seal WHERE id = 4; DELETE FROM tb_audit WHERE lane = {b} AND number <= 3",
        "封印 4 不见了",
    ),
}


@pytest.mark.parametrize("name", RETENTION_TAMPERINGS)
async def test_tampering_after_retention(chain: Chain, name: str) -> None:
    await _age(chain, "id <= 3")
    await expire(chain.bench.audit, utc_now(), 190)
    await chain.pass_()
    statements, said = (text.format(a=chain.a, b=chain.b) for text in RETENTION_TAMPERINGS[name])
    await chain.bench.run(*statements.split(";"))
    assert (await chain.verify()).fault.startswith(said)


async def test_everything_may_be_old(chain: Chain) -> None:
    await chain.pass_()
    await _age(chain, "id <= 6")
    assert await expire(chain.bench.audit, utc_now(), 190) == 9
    await chain.pass_()
    assert (await chain.verify()).fault == ""


async def test_less_than_half_a_year_is_refused(chain: Chain) -> None:
    with pytest.raises(ValueError, match="184"):
        await expire(chain.bench.audit, utc_now(), 183)
    assert await chain.bench.count() == 9


async def test_a_saved_counter_put_back_is_noticed_by_the_process_that_owns_it(chain: Chain) -> None:
    """An old counter with its own old MAC: the lane's owner knows better."""
    mac: Any = chain.bench.vault.mac(lane_bytes(chain.a, 4))
    await chain.bench.run(
        f"DELETE FROM tb_audit WHERE lane = {chain.a} AND number = 5",
        f"DELETE FROM tb_audit_subject WHERE lane = {chain.a} AND number = 5",
        f"UPDATE tb_audit_lane SET number = 4, mac = '{mac}' WHERE id = {chain.a}",
    )
    await chain.bench.audit.record(entry("next"))
    await chain.bench.audit.close()
    told = [row for row in await chain.bench.rows() if row["action"] == "audit_lane_lost"]
    assert [row["detail"] for row in told] == [f"lane {chain.a} was at 5"]


async def test_who_empties_all_and_changes_the_number_of_the_installation_is_found(chain: Chain) -> None:
    for table in ("tb_audit_subject", "tb_audit", "tb_audit_seal", "tb_audit_lane", "tb_audit_checkpoint"):
        await chain.bench.run(f"DELETE FROM {table}")
    chain.witness = Witness.of(chain.bench.settings, 8, chain.bench.vault)
    found = await chain.verify()
    assert (found.lines, found.fault.split("：")[0]) == (0, f"库的安装号不是 {chain.witness.folder}/head-7.json 的")
    await chain.bench.audit.record(entry("fresh"))
    sealer = Sealer(chain.bench.database, chain.bench.vault, "node-3", chain.witness)
    await sealer._look()
    assert sealer.trouble == f"通道 {chain.a} 缺第 1 行；库的安装号不是 head-7.json 的"
    assert chain.witness.head() is None
