"""What a test leaves behind disturbs no other: each finds its place as the first one did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import POSTGRES, execute, needed
from tests.places import PREPARED, Place, wait_for

#: What tests do to a place, and whether it is used again after them.
TRACES = {
    "rows added": ("INSERT INTO tb_sequence (id, value) VALUES ('left behind', 1)", True),
    "rows changed": ("UPDATE core_code_item SET title = 'left behind', version = version + 1", True),
    "rows exchanged": ("DELETE FROM tb_duty_hours; INSERT INTO tb_duty_hours SELECT * FROM kept.tb_duty_hours", True),
    "rows taken away": ("DELETE FROM core_code_item WHERE code = (SELECT min(code) FROM core_code_item)", True),
    "many rows": ("INSERT INTO tb_sequence (id, value) SELECT 'n' || n, n FROM generate_series(1, 30000) n", True),
    "a table of its own": ("CREATE TABLE works_report (id uuid PRIMARY KEY)", True),
    "a table gone": ("DROP TABLE tb_outbox", False),
    "a table renamed": ("ALTER TABLE tb_audit RENAME TO tb_away", False),
    "a column more": ("ALTER TABLE core_person ADD COLUMN left_behind text", False),
    "an index gone": ("DROP INDEX ix_tb_recent_handed_at", False),
    "a rule of the table": ("ALTER TABLE tb_outbox ADD CHECK (version > 0)", False),
    "a function": ("CREATE FUNCTION left_behind() RETURNS int LANGUAGE sql AS 'SELECT 1'", False),
    "a schema": ("CREATE SCHEMA left_behind", False),
    "nothing": ("SELECT 1", True),
}


async def _do(place: Place, sql: str) -> None:
    """In the place's schema; the connection stays open in a transaction, as one of a killed process may."""
    connection = await asyncpg.connect(place[0], server_settings={"search_path": str(place[1])})
    await connection.execute(sql)
    await connection.execute("BEGIN; LOCK TABLE tb_history; DELETE FROM tb_schema")
    connection.terminate()


async def _held(place: Place) -> dict[str, Any]:
    """Every row of every table, with columns and indexes."""
    connection = await asyncpg.connect(place[0], server_settings={"search_path": str(place[1])})
    try:
        found: dict[str, Any] = {}
        for (name,) in await connection.fetch("SELECT tablename::text FROM pg_tables WHERE schemaname = 't'"):
            rows = await connection.fetch(f'SELECT * FROM "{name}"')
            indexes = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = $1 ORDER BY 1", name)
            found[name] = (sorted(map(str, rows)), indexes)
        return found
    finally:
        await connection.close()


@pytest.mark.parametrize("trace", TRACES)
def test_the_next_finds_the_place_as_it_was(tmp_path: Path, trace: str) -> None:
    url, (sql, is_used_again) = needed(POSTGRES), TRACES[trace]
    with PREPARED.place(url, tmp_path) as place:
        before = wait_for(_held(place))
        wait_for(_do(place, sql))
    with PREPARED.place(url, tmp_path) as again:
        assert wait_for(_held(again)) == before
        assert (again == place) == is_used_again
    assert sum(len(rows) for rows, _ in before.values()) > 1000


def test_two_at_once_have_two_places(tmp_path: Path) -> None:
    url = needed(POSTGRES)
    with PREPARED.place(url, tmp_path) as one, PREPARED.place(url, tmp_path) as two:
        assert one != two
        wait_for(execute(one[0], "INSERT INTO t.tb_sequence (id, value) VALUES ('a', 1)"))
        assert wait_for(_held(two))["tb_sequence"][0] == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    with PREPARED.place("", tmp_path) as one, PREPARED.place("", tmp_path / "other") as two:
        assert one != two
    file = tmp_path / "test.sqlite3"
    assert file.stat().st_size > 100_000
    file.write_bytes(b"mine")
    with PREPARED.place("", tmp_path):
        assert file.read_bytes() == b"mine"
