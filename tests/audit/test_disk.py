"""The disk takes nothing more: the kernel refuses every write to a file, as far as this process goes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.audit.office import AUDITOR, CLERK, PERSON, code_of, open_office

READ = "{ deskNotes { nodes { title } } }"


@contextmanager
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stops_what_needs_a_line_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_office(tmp_path, (f"sqlite:///{tmp_path}/desk.sqlite3", None), monkeypatch) as office:
        post, ready = office.server.post, office.server.client.get
        first = office.make("before")
        delete = "mutation($id: ID!) { deleteDeskNote(id: $id, version: 1) }"
        with full_disk():
            answers = [
                office.create("a"),
                office.create("p", personId=PERSON),
                post(delete, CLERK, id=first["id"]),
                post('mutation { deskPlain(text: "t") }', CLERK),
                post("{ auditRecords { nodes { id } } }", AUDITOR),
            ]
            read, health = post(READ, CLERK), ready("/readyz")
        assert [code_of(answer) for answer in answers] == ["AUDIT_UNAVAILABLE"] * 5
        assert read["data"] == {"deskNotes": {"nodes": [{"title": "before"}]}}
        assert (health.status_code, list(health.json()["missing"])) == (503, ["audit"])
        assert ready("/readyz").status_code == 200
        office.make("after")
        assert sorted(office.fetch("SELECT title, version FROM desk_note")) == [("after", 1), ("before", 1)]
        assert office.lines("action, result").count(("create", "ok")) == 2
