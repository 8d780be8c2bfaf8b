"""Contents of files at rest: nowhere plain, refused when changed, re-keyed without being rewritten, old ones sealed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError

from core.api.files import register
from core.api.upload import Received
from core.crypto import TamperedError, Vault
from core.crypto.contents import place_of
from core.crypto.provider import OVERHEAD_BYTES
from core.crypto.stream import CHUNK_BYTES
from core.host import Host, open_host
from core.settings import read_settings
from core.store.ids import uuid7
from core.store.tables import table_of
from core.write.plain_files import seal_plain_files
from core.write.upkeep import keep_up
from core.write.upkeep_report import Upkeep
from tests.api.servers import STAFF, Server, running

NEEDLE = "留守儿童欧阳种子的照片".encode()
PHOTO = b"\x89PNG\r\n\x1a\n" + NEEDLE + bytes(range(256)) * 600 + NEEDLE
CLERK = Actor("w1", "staff", roles=frozenset({"street_admin"}), division="640522100000")


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as server:
        yield server


def send(server: Server, content: bytes = PHOTO) -> str:
    answer = server.client.post("/files", files={"file": ("照片.png", content)}, headers=server.headers(STAFF))
    assert answer.status_code == 201
    return str(answer.json()["id"])


def get(server: Server, id: str) -> Any:
    return server.client.get(f"/files/{id}", headers=server.headers(STAFF))


def contents(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "files").rglob("*") if path.is_file())


def test_a_photo_is_plain_in_no_file_of_the_data_folder(server: Server, tmp_path: Path) -> None:
    id = send(server)
    assert get(server, id).content == PHOTO
    needles = (NEEDLE, PHOTO[100:140], hashlib.sha256(PHOTO).hexdigest().encode())
    found = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [name for name, raw in found.items() for needle in needles if needle in raw] == []
    # The search reads what it should: the row is in the database, the content below files/.
    assert id.encode() in b"".join(raw for name, raw in found.items() if name.startswith("tongban.sqlite3"))
    assert len(contents(tmp_path)) == 1


def test_what_is_refused_while_it_arrives_was_never_plain(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is looked at while an upload waits to be judged."""
    seen: list[bytes] = []

    def looking(_: Any) -> None:
        seen.extend(path.read_bytes() for path in contents(tmp_path))

    monkeypatch.setattr("core.api.upload.sniff", looking)
    answer = server.client.post("/files", files={"file": ("a.png", PHOTO)}, headers=server.headers(STAFF))
    assert answer.status_code == 415
    assert [len(raw) for raw in seen] == [len(PHOTO) + 3 * OVERHEAD_BYTES]
    assert not any(NEEDLE in raw for raw in seen)
    assert contents(tmp_path) == []


@pytest.mark.parametrize("harm", ["first chunk", "end cut off", "emptied", "swapped key"])
def test_a_file_somebody_changed_is_an_error_and_not_half_a_file(server: Server, tmp_path: Path, harm: str) -> None:
    id, other = send(server), send(server, PHOTO + b"2")
    place = next(path for path in contents(tmp_path) if path.stat().st_size == len(PHOTO) + 3 * OVERHEAD_BYTES)
    raw = bytearray(place.read_bytes())
    if harm == "first chunk":
        raw[100] ^= 1
    left = {"end cut off": CHUNK_BYTES + OVERHEAD_BYTES, "emptied": 0}.get(harm, len(raw))
    place.write_bytes(raw[:left])
    if harm == "swapped key":
        run(server, f"UPDATE tb_content SET key = (SELECT key FROM tb_content WHERE id = '{other}') WHERE id = '{id}'")
    answer = get(server, id)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (500, "VALUE_UNREADABLE")
    assert get(server, other).content == PHOTO + b"2"


def test_a_chunk_somebody_changed_further_on_breaks_the_answer_off(server: Server, tmp_path: Path) -> None:
    id = send(server)
    [place] = contents(tmp_path)
    raw = bytearray(place.read_bytes())
    raw[CHUNK_BYTES + OVERHEAD_BYTES + 50] ^= 1
    place.write_bytes(raw)
    with pytest.raises(TamperedError):
        get(server, id)


def run(server: Server, text: str) -> None:
    async def work() -> None:
        async with server.app.doors.host.database.transaction() as tx:
            assert await tx.execute(text) == 1

    assert server.client.portal is not None
    server.client.portal.call(work)


@pytest.fixture
async def host(database_place: tuple[str, str | None], tmp_path: Path) -> AsyncIterator[Host]:
    url, schema = database_place
    settings = read_settings({"TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_DATABASE_URL": url})
    async with open_host(settings, schema=schema) as opened:
        yield opened


async def put(host: Host, content: bytes, actor: Actor = CLERK) -> str:
    written = host.contents.begin()
    written.write(content)
    written.close()
    received = Received(written, "照片.png", "image/png")
    told = await register(host.database, host.generation, host.contents, actor, received, "upload")
    return str(told["id"])


async def content_of(host: Host, id: str) -> bytes:
    digest = await host.database.fetch_value(f"SELECT sha256 FROM core_file WHERE id = '{id}'", [])
    found = await host.contents.find(id, digest)
    assert found is not None
    with found.open("rb") as opened:
        return opened.read()


async def test_a_new_key_seals_the_key_of_a_file_anew_and_not_the_file(host: Host, tmp_path: Path) -> None:
    id = await put(host, PHOTO)
    [place] = contents(tmp_path)
    raw, old = place.read_bytes(), host.vault.current("data")
    new = await host.vault.rotate("data")
    async with host.database.transaction() as tx:
        await tx.execute("UPDATE tb_key SET active_at = made_at")
    vault = await Vault.open(host.database, host.settings)
    world = host.generation.world
    await keep_up(host.database, vault, world, list(world.entities.values()))
    key = await host.database.fetch_value("SELECT key FROM tb_content", [])
    assert key.startswith(f"tb1.{new.id}.")
    assert place.read_bytes() == raw
    async with host.database.transaction() as tx:
        assert await tx.execute(f"DELETE FROM tb_key WHERE id = '{old.id}'") == 1
    assert await content_of(host, id) == PHOTO


async def test_what_lies_plain_since_an_older_version_stays_readable_and_is_sealed(host: Host, tmp_path: Path) -> None:
    digest = hashlib.sha256(PHOTO).hexdigest()
    plain = place_of(host.contents.folder, digest)
    plain.parent.mkdir(parents=True)
    plain.write_bytes(PHOTO)
    entity = host.generation.world.entities["core.file"]
    values = {"sha256": digest, "name": "照片.png", "mime": "image/png", "size_bytes": len(PHOTO)}
    ids = [(await host.generation.writer.create(CLERK, entity, values)).id for _ in range(2)]
    assert [await content_of(host, id) for id in ids] == [PHOTO, PHOTO]
    done = Upkeep()
    await seal_plain_files(host.database, host.contents, table_of(entity), done)
    assert (done.rows["tb_content"], plain.exists(), len(contents(tmp_path))) == (2, False, 2)
    assert [await content_of(host, id) for id in ids] == [PHOTO, PHOTO]
    assert not any(NEEDLE in path.read_bytes() for path in contents(tmp_path))
    told = await host.database.fetch("SELECT sha256, version FROM core_file", [])
    assert {tuple(row) for row in told} == {(host.contents.fingerprint(digest), 1)}
    past = await host.database.fetch("SELECT CAST(after AS text) FROM tb_history WHERE entity = 'core.file'", [])
    assert [digest in row[0] for row in past] == [False, False]
    await seal_plain_files(host.database, host.contents, table_of(entity), done)
    assert done.rows["tb_content"] == 2


async def test_a_content_stands_or_falls_with_its_row(host: Host, tmp_path: Path) -> None:
    nobody = replace(CLERK, roles=frozenset())
    with pytest.raises(PermissionDeniedError):
        await put(host, PHOTO, nobody)
    assert contents(tmp_path) == []
    written = host.contents.begin()
    written.write(PHOTO)
    written.close()
    while_open: list[Path] = []

    async def fail() -> None:
        async with host.database.transaction() as tx:
            await host.contents.keep(tx, uuid7(), written)
            while_open.extend(contents(tmp_path))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert len(while_open) == 1
    assert contents(tmp_path) == []
    assert await host.database.fetch_value("SELECT count(*) FROM tb_content", []) == 0
