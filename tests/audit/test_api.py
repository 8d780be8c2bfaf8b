"""Through the doors: one line for each mutation, whatever became of it; none, and nothing is written."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit.office import AUDITOR, CLERK, NEPHEW, OPERATOR, PERSON, READER, Office, code_of, open_office

SECRET = "640522199001011234"
HISTORY = "SELECT principal, actor FROM tb_history WHERE entity = 'desk.note'"


@pytest.fixture
def office(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with open_office(tmp_path, database_place, monkeypatch) as office:
        yield office


def test_every_mutation_leaves_one_line_with_its_outcome(office: Office) -> None:
    made = office.make("a", personId=PERSON)
    assert office.make("b", key="k")["id"] == office.make("b", key="k")["id"]
    update = (
        "mutation($id: ID!, $v: Int!, $p: DeskNotePatch!) { updateDeskNote(id: $id, version: $v, patch: $p) { id } }"
    )
    delete = "mutation($id: ID!, $v: Int!) { deleteDeskNote(id: $id, version: $v) }"
    assert code_of(office.create("a")) == "CONFLICT"
    assert code_of(office.create("x" * 51)) == "INVALID_INPUT"
    assert code_of(office.create("c", READER)) == "PERMISSION_DENIED"
    assert code_of(office.create("c", None)) == "NOT_AUTHENTICATED"
    post = office.server.post
    assert code_of(post(update, CLERK, id=PERSON, v=1, p={"title": "z"})) == "NOT_FOUND"
    assert code_of(post(update, CLERK, id=SECRET, v=1, p={"title": "z"})) == "NOT_FOUND"
    assert code_of(post(update, CLERK, id=made["id"], v=9, p={"title": "z"})) == "CONFLICT"
    assert "errors" not in post(update, CLERK, id=made["id"], v=1, p={"title": "z"})
    assert "errors" not in post(delete, CLERK, id=made["id"], v=2)
    note, same = "desk.note", f"CASE WHEN row_id = '{made['id']}' THEN 1 ELSE 0 END"
    assert office.lines(f"actor, action, entity, {same}, result, fields, detail, rule") == [
        ("clerk", "create", note, 1, "ok", "title,person", "", "desk/access.yaml#1"),
        ("clerk", "create", note, 0, "ok", "title", "", "desk/access.yaml#1"),
        ("clerk", "create", note, 0, "ok", "", "replayed", ""),
        ("clerk", "create", note, 0, "CONFLICT", "", "", ""),
        ("clerk", "create", note, 0, "INVALID_INPUT", "", "", ""),
        ("reader", "create", note, 0, "PERMISSION_DENIED", "", "", ""),
        ("", "create", note, 0, "NOT_AUTHENTICATED", "", "", ""),
        ("clerk", "update", note, 0, "NOT_FOUND", "", "", ""),
        ("clerk", "update", note, 0, "NOT_FOUND", "", "", ""),
        ("clerk", "update", note, 1, "CONFLICT", "", "", ""),
        ("clerk", "update", note, 1, "ok", "title", "", "desk/access.yaml#1"),
        ("clerk", "delete", note, 1, "ok", "", "", "desk/access.yaml#1"),
    ]
    assert SECRET not in str(office.fetch("SELECT * FROM tb_audit"))
    persons = office.fetch(
        "SELECT s.person, a.action FROM tb_audit_subject s JOIN tb_audit a ON a.lane = s.lane AND a.number = s.number "
        "ORDER BY a.at, a.lane, a.number"
    )
    assert persons == [(PERSON, "create"), (PERSON, "update"), (PERSON, "delete")]


def test_requests_that_never_ran_leave_none(office: Office) -> None:
    post = office.server.post
    for query in ("mutation {", "mutation { nothing }", "mutation { deleteDeskNote(id: 1) }"):
        assert "errors" in post(query, CLERK)
    assert code_of(office.create(["no", "text"])) == "BAD_VARIABLES"
    wrong = office.server.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer x"}
    )
    assert wrong.status_code == 401
    assert office.lines() == []


def test_hand_written_mutations_leave_one_line_too(office: Office) -> None:
    post = office.server.post
    assert "errors" not in post('mutation { deskPlain(text: "t") }', CLERK)
    assert code_of(post('mutation { deskRefused(text: "t") }', CLERK)) == "CONFLICT"
    assert code_of(post(f'mutation {{ deskCrash(text: "{SECRET}") }}', CLERK)) == "UNAVAILABLE"
    assert "errors" not in post('mutation { deskWrite(title: "t") }', CLERK)
    assert code_of(post('mutation { deskWrite(title: "t") }', CLERK)) == "CONFLICT"
    assert code_of(post('mutation { setPluginState(plugin: "x", state: ON) { id } }', CLERK)) == "PERMISSION_DENIED"
    assert office.lines("action, entity, result") == [
        ("deskPlain", "", "ok"),
        ("deskRefused", "", "CONFLICT"),
        ("deskCrash", "", "UNAVAILABLE"),
        # What it wrote is its line, with its name.
        ("create", "desk.note", "ok"),
        ("deskWrite", "", "CONFLICT"),
        ("set_plugin_state", "", "PERMISSION_DENIED"),
    ]
    assert office.lines("detail")[3] == ("deskWrite",)
    assert SECRET not in str(office.fetch("SELECT * FROM tb_audit"))


def test_a_switch_stands_or_falls_with_its_line(office: Office, backend: str) -> None:
    off = 'mutation { setPluginState(plugin: "desk", state: OFF) { state } }'
    chosen = "SELECT state FROM tb_plugin WHERE plugin_id = 'desk'"
    broken, mended = ONE_ACTION[backend]
    office.run(*(text.replace("ACTION", "set_plugin_state") for text in broken))
    assert code_of(office.server.post(off, OPERATOR)) == "AUDIT_UNAVAILABLE"
    assert office.fetch(chosen) == []
    assert office.host.registry.statuses()["desk"].state == "on"
    office.run(mended)
    assert office.server.post(off, OPERATOR)["data"] == {"setPluginState": {"state": "off"}}
    assert office.fetch(chosen) == [("off",)]
    assert office.lines("actor, action, result, detail") == [("op", "set_plugin_state", "ok", "desk off")]


def test_a_delete_names_the_persons_whose_rows_it_empties(office: Office) -> None:
    first = office.make("first")
    office.make("second", personId=PERSON, earlierId=first["id"])
    delete = "mutation($id: ID!) { deleteDeskNote(id: $id, version: 1) }"
    assert "errors" not in office.server.post(delete, CLERK, id=first["id"])
    assert office.fetch("SELECT version, earlier_id FROM desk_note WHERE title = 'second'") == [(2, None)]
    told = """SELECT a.action, a.row_id, s.person FROM tb_audit a LEFT JOIN tb_audit_subject s
    ON s.lane = a.lane AND s.number = a.number WHERE a.action = 'delete'"""
    assert [tuple(map(str, row)) for row in office.fetch(told)] == [("delete", first["id"], PERSON)]


def test_who_acts_for_whom_stands_in_audit_and_history(office: Office) -> None:
    assert "errors" not in office.create("a", NEPHEW)
    assert office.lines("actor, kind, principal, agent") == [("nephew", "citizen", PERSON, NEPHEW.agent)]
    assert [(str(a), b) for a, b in office.fetch(HISTORY)] == [(PERSON, "nephew")]
    assert "errors" not in office.create("b")
    assert [row[0] for row in office.fetch(HISTORY + " AND actor = 'clerk'")] == [None]


#: What breaks the audit, and what mends it.
FAILURES = {
    "table gone": (("ALTER TABLE tb_audit RENAME TO tb_away",), "ALTER TABLE tb_away RENAME TO tb_audit"),
    "lanes gone": (("ALTER TABLE tb_audit_lane RENAME TO tb_away",), "ALTER TABLE tb_away RENAME TO tb_audit_lane"),
}


@pytest.mark.parametrize("name", [*FAILURES, "trigger"])
def test_without_audit_nothing_is_written_until_it_is_back(office: Office, name: str, backend: str) -> None:
    first = office.make("before")
    broken, mended = FAILURES.get(name) or TRIGGERS[backend]
    office.run(*broken)
    update = "mutation($id: ID!, $p: DeskNotePatch!) { updateDeskNote(id: $id, version: 1, patch: $p) { id } }"
    calls: list[Any] = [
        lambda: office.create("a"),
        lambda: office.create("before"),
        lambda: office.create("k", key="k"),
        lambda: office.server.post(update, CLERK, id=first["id"], p={"title": "z"}),
        lambda: office.server.post("mutation($id: ID!) { deleteDeskNote(id: $id, version: 1) }", CLERK, id=first["id"]),
        lambda: office.server.post('mutation { deskPlain(text: "t") }', CLERK),
        lambda: office.server.post('mutation { deskWrite(title: "t") }', CLERK),
        lambda: office.server.post("{ auditRecords { nodes { id } } }", AUDITOR),
    ]
    assert {code_of(call()) for call in calls} == {"AUDIT_UNAVAILABLE"}
    assert office.fetch("SELECT title, version FROM desk_note") == [("before", 1)]
    assert office.fetch("SELECT count(*) FROM tb_idempotency") == [(0,)]
    assert len(office.fetch(HISTORY)) == 1
    ready = office.server.client.get("/readyz")
    assert (ready.status_code, list(ready.json()["missing"])) == (503, ["audit"])
    assert "errors" not in office.server.post("{ deskNotes { nodes { title } } }", CLERK)
    office.run(mended)
    assert office.server.client.get("/readyz").status_code == 200
    assert "errors" not in office.create("after")
    told = [row[:2] + row[3:] for row in office.lines()]
    assert told == [("clerk", "create", "ok"), ("system", "audit_resumed", "ok"), ("clerk", "create", "ok")]


#: Breaks the lines of one action alone.
ONE_ACTION = {
    "sqlite": (
        (
            "CREATE TRIGGER no_audit BEFORE INSERT ON tb_audit WHEN NEW.action = 'ACTION' "
            "BEGIN SELECT RAISE(ABORT, 'no space'); END",
        ),
        "DROP TRIGGER no_audit",
    ),
    "postgres": (
        (
            "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space'; END $$",
            "CREATE TRIGGER no_audit BEFORE INSERT ON tb_audit FOR EACH ROW WHEN (NEW.action = 'ACTION') "
            "EXECUTE FUNCTION no_audit()",
        ),
        "DROP TRIGGER no_audit ON tb_audit",
    ),
}
TRIGGERS = {
    "sqlite": (
        ("CREATE TRIGGER no_audit BEFORE INSERT ON tb_audit BEGIN SELECT RAISE(ABORT, 'no space'); END",),
        "DROP TRIGGER no_audit",
    ),
    "postgres": (
        (
            "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space'; END $$",
            "CREATE TRIGGER no_audit BEFORE INSERT ON tb_audit FOR EACH ROW EXECUTE FUNCTION no_audit()",
        ),
        "DROP TRIGGER no_audit ON tb_audit",
    ),
}

#: A cursor with a lane no database knows a number for.
FAR = base64.urlsafe_b64encode(b"2026-01-01T00:00:00.000Z 99999999999999999999 1").decode()


def test_auditors_read_by_every_filter_page_by_page_and_are_audited(office: Office) -> None:
    for n in range(5):
        office.make(f"n{n}", **({"personId": PERSON} if n == 2 else {}))
    office.create("n0")
    ask = """query($first: Int! = 20, $after: String) {
      auditRecords(first: $first, after: $after%s) { nodes { id action result } endCursor hasNextPage }
    }"""
    page = office.server.data(ask % "", AUDITOR, first=4)["auditRecords"]
    rest = office.server.data(ask % "", AUDITOR, first=4, after=page["endCursor"])["auditRecords"]
    assert (page["hasNextPage"], rest["hasNextPage"]) == (True, False)
    assert len({node["id"] for node in page["nodes"] + rest["nodes"]}) == 7
    assert page["nodes"][0]["action"] == "read"
    for filter, count in {
        ', actor: "clerk"': 6, ', result: "CONFLICT"': 1, f', subject: "{PERSON}"': 1, ', entity: "desk.note"': 6,
        ', action: "create", result: "ok"': 5, ', since: "2026-01-01T00:00:00Z"': 14, ', case: "x"': 0,
        ', until: "2026-01-01T00:00:00Z"': 0,
    }.items():  # fmt: skip
        found = office.server.data(ask % filter, AUDITOR)["auditRecords"]["nodes"]
        assert len(found) == count, filter
    for who, code in ((CLERK, "PERMISSION_DENIED"), (None, "NOT_AUTHENTICATED")):
        assert office.server.code("{ auditRecords { nodes { id } } }", who) == code
        assert office.server.code("{ auditState { ok } }", who) == code
    for arguments in ("first: 101", "first: 0", 'after: "x"', f'after: "{FAR}"'):
        assert office.server.code(f"{{ auditRecords({arguments}) {{ nodes {{ id }} }} }}", AUDITOR) == "INVALID_INPUT"
    read = office.fetch("SELECT count(*) FROM tb_audit WHERE action = 'read' AND actor = 'aud' AND entity = 'tb_audit'")
    assert read == [(10,)]
    refused = office.fetch("SELECT actor, result FROM tb_audit WHERE action = 'read' AND result <> 'ok' ORDER BY actor")
    assert refused == [("", "NOT_AUTHENTICATED"), ("clerk", "PERMISSION_DENIED")]


def test_lines_are_sealed_by_the_running_host(office: Office) -> None:
    office.create("a")
    office.call(office.host.audit.sealer._look)
    state = office.server.data("{ auditState { ok lastSeal waiting trouble } }", AUDITOR)["auditState"]
    assert (state["ok"], state["trouble"], state["lastSeal"] >= 1) == (True, "", True)


def test_nothing_in_the_api_changes_a_line(office: Office) -> None:
    mutations = office.server.data("{ __schema { mutationType { fields { name } } } }", AUDITOR)
    names = [field["name"] for field in mutations["__schema"]["mutationType"]["fields"]]
    assert len(names) > 20
    assert [name for name in names if re.search("audit", name, re.IGNORECASE)] == []
