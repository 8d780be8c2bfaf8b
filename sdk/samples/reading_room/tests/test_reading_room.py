"""How an author tests a plugin with the SDK alone: one fixture, no server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk import ANONYMOUS, Actor, ConflictError
from tongban_sdk.fake import FakeHost, ManifestError

READER = Actor(id="r", kind="citizen", roles=frozenset({"anonymous", "reading_room_reader"}))


def test_a_seat_is_booked_once_a_day(host: FakeHost) -> None:
    host.boot("reading_room")
    host.run(host.settle())
    api = host.api(READER)
    host.run(api.create("reading_room.booking", {"seat_code": "A01", "day": "2026-05-01"}))
    with pytest.raises(ConflictError):
        host.run(api.create("reading_room.booking", {"seat_code": "A01", "day": "2026-05-01"}))
    assert len(host.run(api.find("reading_room.booking"))) == 1


def test_switching_off_closes_the_seats(host: FakeHost) -> None:
    host.boot("reading_room")
    host.run(host.settle())
    assert [seat["is_open"] for seat in host.run(host.api(ANONYMOUS).find("reading_room.seat"))] == [True, True]
    host.run(host.switch_off("reading_room"))
    host.boot("reading_room")
    assert [seat["is_open"] for seat in host.run(host.api(ANONYMOUS).find("reading_room.seat"))] == [False, False]


def test_a_manifest_that_does_not_fit_says_where(host: FakeHost, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "plugin.yaml").write_text("manifest: 1\nid: broken\nnonsense: true\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"broken/plugin\.yaml"):
        host.boot(folder)
