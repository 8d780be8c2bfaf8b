"""Old keys, read events and contents without a row go; everything else stays."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.fields.column import Column, Table
from core.jobs import housekeeping
from core.jobs.housekeeping import sweep_files, sweep_rows
from core.store.case_tables import DRAFT
from core.store.crypto_tables import CONTENT
from core.store.database import Database, Insert
from core.store.engine import ENGINE_TABLES, IDEMPOTENCY, RECENT
from core.store.ids import uuid7
from core.store.message_tables import DELIVERY, MESSAGE
from core.store.migrate import migrate

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FILES = Table("core_file", (Column("id", "uuid", null=False, primary=True), Column("sha256", "text", null=False)))


@pytest.fixture
async def swept(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    await migrate(database, (*ENGINE_TABLES, FILES))
    return database


async def test_rows_past_their_time_go_in_batches(swept: Database) -> None:
    ages = {"old": timedelta(days=7, seconds=1), "young": timedelta(days=6, hours=23)}
    keys = [(f"{name}{n}", age) for name, age in ages.items() for n in range(3)]
    await swept.insert(
        [Insert(IDEMPOTENCY, {"id": id, "input": "x", "row_id": uuid7(), "at": NOW - age}) for id, age in keys]
    )
    event = {"topic": "entity.created", "entity": "a.b", "row_id": uuid7(), "version": 1}
    handed = [NOW - timedelta(minutes=11), NOW - timedelta(minutes=9)]
    await swept.insert([Insert(RECENT, {"id": uuid7(), **event, "handed_at": at}) for at in handed])
    assert await sweep_rows(swept, NOW) == 4
    left = await swept.fetch("SELECT id FROM tb_idempotency ORDER BY id", [])
    assert [row[0] for row in left] == ["young0", "young1", "young2"]
    assert await swept.fetch_value("SELECT count(*) FROM tb_recent", []) == 1
    assert await sweep_rows(swept, NOW) == 0


async def test_drafts_nobody_touches_go_after_thirty_days(swept: Database) -> None:
    draft = {"account": "a", "service": "a.b", "service_version": 1, "values": "tb1.x"}
    ages = [timedelta(days=30, seconds=1), timedelta(days=30), timedelta(days=1)]
    ids = [uuid7() for _ in ages]
    await swept.insert(
        [Insert(DRAFT, {"id": id, "updated_at": NOW - age, **draft}) for id, age in zip(ids, ages, strict=True)]
    )
    assert await sweep_rows(swept, NOW) == 1
    left = await swept.fetch("SELECT id FROM tb_draft ORDER BY id", [])
    assert [str(row[0]) for row in left] == sorted(ids[1:])


async def test_what_somebody_was_told_is_kept_for_five_years(swept: Database) -> None:
    told = {"plugin_id": "a", "template": "a.b", "division": "", "title": "t", "text": "x", "channels": []}
    for years, id in ((4, uuid7()), (6, uuid7())):
        at = NOW - timedelta(days=366 * years)
        sent = {"message_id": id, "place": 0, "channel": "inbox", "status": "sent", "at": at, "tries": 0}
        message = Insert(MESSAGE, {"id": id, **told, "is_urgent": False, "sent_at": at})
        await swept.insert([message, Insert(DELIVERY, {"id": uuid7(), **sent})])
    assert await sweep_rows(swept, NOW) == 2
    left = [await swept.fetch_value(f"SELECT count(*) FROM {name}", []) for name in ("tb_message", "tb_delivery")]
    assert left == [1, 1]


def put(folder: Path, digest: str, age: timedelta, *, inside: str | None = None) -> Path:
    place = folder / inside / digest if inside else folder / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"x")
    at = (NOW - age).timestamp()
    os.utime(place, (at, at))
    return place


async def test_contents_without_a_row_go_after_a_day(swept: Database, tmp_path: Path) -> None:
    old, young = timedelta(days=2), timedelta(hours=23)
    orphans = [put(tmp_path, f"abcd{n}", old) for n in range(3)]
    kept = [put(tmp_path, name, age) for name, age in (("abcd-owned", old), ("abcd-plain", old), ("ef01-new", young))]
    cut_off = put(tmp_path, "upload-1", old, inside="incoming")
    running = put(tmp_path, "upload-2", young, inside="incoming")
    await swept.insert([Insert(CONTENT, {"id": uuid7(), "place": "abcd-owned", "key": "k", "at": NOW})])
    await swept.insert([Insert(FILES, {"id": uuid7(), "sha256": "abcd-plain"})])
    assert await sweep_files(swept, tmp_path, FILES, NOW) == 4
    assert [path.exists() for path in (*orphans, cut_off)] == [False] * 4
    assert [path.exists() for path in (*kept, running)] == [True] * 4


async def test_a_folder_that_does_not_exist_yet(swept: Database, tmp_path: Path) -> None:
    assert await sweep_files(swept, tmp_path / "files", FILES, NOW) == 0
