"""No plain value in a database dump: records of children written by the shipped host, then all of it searched."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tongban_sdk.actor import Actor

from core.demo.identity import id_check
from core.host import Host, open_host
from core.privacy.desk import SERVICE
from core.settings import read_settings

VILLAGE = "640522100201"
WORKER = Actor(
    id="w1",
    kind="staff",
    roles=frozenset({"community_worker"}),
    division=VILLAGE,
    staff="01890000-0000-7000-8000-0000000000aa",
)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def host(database_place: tuple[str, str | None], tmp_path: Path) -> AsyncIterator[Host]:
    url, schema = database_place
    settings = read_settings({"TONGBAN_DATA_DIR": str(tmp_path / "data"), "TONGBAN_DATABASE_URL": url})
    async with open_host(settings, schema=schema) as opened:
        yield opened


def _dump_file(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        text = "\n".join(connection.iterdump())
    files = [part for part in (file, file.with_name(f"{file.name}-wal")) if part.exists()]
    return "\n".join([text, *(part.read_bytes().decode("utf-8", "replace") for part in files)])


async def _dump(place: tuple[str, str | None]) -> str:
    """All tables as text; on SQLite the bytes of the files, too: freed pages and the log are part of a backup."""
    url, schema = place
    if schema is None:
        return _dump_file(Path(url.removeprefix("sqlite:///")))
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
        rows = [await connection.fetch(f'SELECT t::text FROM "{schema}"."{name[0]}" t') for name in names]
        return "\n".join(row[0] for table in rows for row in table)
    finally:
        await connection.close()


def _planted(number: int) -> dict[str, str]:
    """What one child tells: texts, a position, JSON; each found nowhere else."""
    return {
        "name": f"欧阳种子{'甲乙丙丁戊'[number]}",
        "idno": (body := f"6405222020010{number + 1}998") + id_check(body),
        "phone": f"1990777660{number}",
        "address": f"种子巷{number + 71}号",
        "next_address": f"种子新村{number + 81}栋",
        "stated": f"种子更正{number + 91}",
        "lng": f"105.612345{number}",
        "lat": f"36.512345{number}",
        "next_lng": f"105.712345{number}",
        "fact": f"种子事实{number + 61}",
    }


def _at(lng: str, lat: str) -> dict[str, object]:
    return {"lng": float(lng), "lat": float(lat), "crs": "CGCS2000"}


async def test_fifty_values_of_children_are_nowhere_plain(
    host: Host, database_place: tuple[str, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    writer, world = host.generation.writer, host.generation.world
    person, request = world.entities["core.person"], world.entities["core.correction_request"]
    dispute = world.entities["community.dispute"]
    planted = [_planted(number) for number in range(5)]
    ids = []
    for child in planted:
        facts = {name: child[name] for name in ("name", "idno", "phone", "address")}
        at = _at(child["lng"], child["lat"])
        values = {
            **facts,
            "location": at,
            "sex": "1",
            "birth_date": "2020-01-05",
            "division": VILLAGE,
            "labels": ["left_behind_child"],
        }
        made = await writer.create(WORKER, person, values, idempotency_key=child["phone"], why="入户走访")
        moved = {"address": child["next_address"], "location": _at(child["next_lng"], child["lat"])}
        await writer.update(WORKER, person, made.id, 1, moved, why="搬家")
        herself = Actor(id=made.id, kind="citizen", person=made.id, roles=SERVICE, division=VILLAGE)
        asked = {"entity": "core.person", "row_id": made.id, "field": "address", "stated_value": child["stated"]}
        await writer.create(replace(herself, real_name=3), request, {"person": made.id, **asked})
        told = {
            "kind": "family",
            "applicant": made.id,
            "summary": child["stated"],
            "parties": {"在场": [child["fact"]]},
        }
        await writer.create(WORKER, dispute, {**told, "division": VILLAGE})
        ids.append(made.id)
    await host.registry.jobs.run_all()

    dump = await _dump(database_place)
    needles = [value for child in planted for value in child.values()]
    assert len(needles) == len(set(needles)) == 50
    # In a row a position would be in ten-millionths of a degree.
    points = [
        value.replace(".", "") for child in planted for name, value in child.items() if name.endswith(("lng", "lat"))
    ]
    assert [needle for needle in (*needles, *points) if needle in dump] == []
    # Alone the word stands in the catalogue of what may be chosen.
    assert '["left_behind_child"]' not in dump
    assert [needle for needle in needles if needle in caplog.text] == []
    # The search would have found them: work keys are there.
    assert all(id in dump for id in ids)
    assert "入户走访" in dump
    rows = await host.database.fetch(
        "SELECT state, division, birth_date IS NULL FROM core_person WHERE kind = 'registered' ORDER BY created_at", []
    )
    assert [tuple(row) for row in rows] == [("active", VILLAGE, 0)] * 5
