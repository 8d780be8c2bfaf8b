"""Sensitive reads: sealed values opened for whoever may, and in the audit before they leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    AuditUnavailableError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RequestError,
    UnreadableError,
)

from core.api.files import Files
from core.read import export_rows
from core.read.sight import MARK, SEEN
from core.settings import read_settings
from core.store.database import Database
from tests.read.office import CLERK, DOCTOR, IDNOS, MAKER, OFFICER, PERSON, RECORD, Office, actor, open_office

MASKED_IDNO = f"642222********{IDNOS[1][-4:]}"
ONE = "query($id: ID!) { corePerson(id: $id) { name phone idno illness home { lng lat } birthDate maskedFields } }"
ALL = "{ corePersons { nodes { id name phone idno illness maskedFields } } }"
UNMASK = """mutation($id: ID!, $fields: [String!]!, $purpose: String!, $case: String!, $reason: String!) {
  unmask(entity: "core.person", id: $id, fields: $fields, purpose: $purpose, case: $case, reason: $reason) {
    entity id values { field value } } }"""
HISTORY = """query($entity: String!, $id: ID!, $first: Int, $after: Int) {
  entityHistory(entity: $entity, id: $id, first: $first, after: $after) {
    nodes { version action actor before after maskedFields } hasNextPage endCursor } }"""


@pytest_asyncio.fixture
async def office(database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    yield await open_office(database, read_settings({"TONGBAN_DATA_DIR": str(tmp_path)}))


async def after(office: Office, work: Any) -> tuple[Any, list[dict[str, Any]]]:
    """What some work answers, and the audit lines it leaves."""
    before = len(await office.lines())
    answer = await work
    return answer, (await office.lines())[before:]


def myself(office: Office, name: str = "ma") -> Actor:
    return actor("self", person=office.people[name])


def error_of(result: Any) -> Any:
    assert result.errors, result.data
    return result.errors[0].original_error


def versions(result: Any) -> Any:
    assert result.errors is None
    return result.data["entityHistory"]


async def test_what_lies_in_the_database_is_sealed(office: Office) -> None:
    rows = await office.database.fetch("SELECT idno, illness_sealed, home_sealed FROM core_person ORDER BY id", [])
    assert all(value is None or value.startswith("tb1.") for row in rows for value in row)
    [(name,)] = await office.database.fetch(f"SELECT name FROM core_person WHERE id = '{office.people['bao']}'", [])
    assert name.startswith("tb1.")


async def test_both_paths_open_what_the_caller_may_see_and_tell_the_audit(office: Office) -> None:
    me = myself(office)
    expected = {
        "name": "ma某某", "phone": "13812345678", "idno": IDNOS[0], "illness": ["糖尿病"],
        "home": {"lng": 105.5, "lat": 36.5}, "birthDate": "1960-05-01", "maskedFields": [],
    }  # fmt: skip
    body, compiled = await after(office, office.compiled(ONE, me, id=office.people["ma"]))
    assert orjson.loads(body) == {"corePerson": expected}
    result, ordinary = await after(office, office.ask(ONE, me, id=office.people["ma"]))
    assert (result.errors, result.data) == (None, {"corePerson": expected})
    assert compiled == ordinary
    [line] = compiled
    assert line == {
        "actor": "u-self", "action": "read", "result": "ok", "entity": "core.person", "row_id": office.people["ma"],
        "fields": "name,phone,idno,illness,home,birth_date", "purpose": "core.service", "case": "",
        "rule": "core/access.yaml#2", "detail": "1 行", "subjects": [office.people["ma"]],
    }  # fmt: skip
    assert SEEN.encode() not in body
    assert MARK.encode() not in body


async def test_one_line_tells_of_a_page_and_everybody_on_it(office: Office) -> None:
    body, [line] = await after(office, office.compiled(ALL, DOCTOR))
    nodes = {node["id"]: node for node in orjson.loads(body)["corePersons"]["nodes"]}
    adult, child = nodes[office.people["li"]], nodes[office.people["bao"]]
    # L4 is never clear in a list; a child's L3 is L4.
    assert (adult["name"], adult["phone"]) == ("li某某", "13812345678")
    assert (adult["idno"], adult["illness"]) == (MASKED_IDNO, None)
    assert (child["name"], child["phone"]) == ("b**", "138****5678")
    assert line["fields"] == "name,phone"
    assert line["subjects"] == sorted([office.people["ma"], office.people["li"]])
    assert line["row_id"] == ""


async def test_masks_cost_no_line(office: Office) -> None:
    body, lines = await after(office, office.compiled(ALL, CLERK))
    assert lines == []
    for node in orjson.loads(body)["corePersons"]["nodes"]:
        assert node["phone"] in ("138****5678", None)
        assert node["idno"] is None


async def test_rows_reached_by_the_way_are_told_with_their_entity(office: Office) -> None:
    text = "query($id: ID!) { coreRecord(id: $id) { note about { name } } }"
    _, [line] = await after(office, office.compiled(text, myself(office), id=office.records["ma"]))
    assert (line["entity"], line["fields"]) == ("core.record", "note,core.person.name")
    assert line["subjects"] == [office.people["ma"]]


async def test_looking_for_a_value_is_reading_it(office: Office) -> None:
    text = "query($n: String!) { corePersons(where: {name: {eq: $n}}) { totalCount } }"
    body, [line] = await after(office, office.compiled(text, OFFICER, n="nobody"))
    assert orjson.loads(body) == {"corePersons": {"totalCount": 0}}
    assert (line["fields"], line["detail"]) == ("name", "0 行")
    _, [line] = await after(
        office, office.compiled("{ corePersons(orderBy: [{field: name}]) { nodes { id } } }", OFFICER)
    )
    assert line["fields"] == "name"
    assert len(line["subjects"]) == 2  # the child's name takes no part


async def test_a_keyed_field_is_found_by_its_value_and_by_nothing_else(office: Office) -> None:
    text = "query($w: CorePersonWhere) { corePersons(where: $w) { nodes { id idno } } }"
    body, [line] = await after(office, office.compiled(text, OFFICER, w={"idno": {"eq": IDNOS[1]}}))
    assert orjson.loads(body)["corePersons"]["nodes"] == [{"id": office.people["li"], "idno": MASKED_IDNO}]
    assert (line["fields"], line["subjects"]) == ("idno", [office.people["li"]])
    body = await office.compiled(text, OFFICER, w={"idno": {"in": [IDNOS[1]]}})
    assert [row["id"] for row in orjson.loads(body)["corePersons"]["nodes"]] == [office.people["li"]]
    for where in (
        {"idno": {"isNull": True}},
        {"idno": {"eq": None}},
        {"illness": {"has": "x"}},
    ):
        result = await office.ask(text, OFFICER, w=where)
        assert isinstance(error_of(result), PermissionDeniedError), where
        assert "642" not in result.errors[0].message  # type: ignore[index]  # it has errors
    # A clerk sees nothing of it in a list, so he cannot look for it either.
    assert isinstance(error_of(await office.ask(text, CLERK, w={"idno": {"eq": IDNOS[1]}})), PermissionDeniedError)


async def test_masked_values_are_not_found_by_trying(office: Office) -> None:
    text = "query($w: CorePersonWhere) { corePersons(where: $w) { totalCount nodes { id } } }"
    many = error_of(await office.ask(text, OFFICER, w={"idno": {"in": list(IDNOS)}}))
    assert [problem.id for problem in many.problems] == ["where.one-by-one"]
    office.quotas.left = 3
    two = {"or": [{"idno": {"eq": number}} for number in IDNOS]}
    await office.compiled(text, OFFICER, w=two)
    assert (office.quotas.taken, office.quotas.left) == ([("search_account", "u-officer")], 1)
    # One root field asks as well as another, and as the same under another name.
    result, lines = await after(office, office.ask(text, OFFICER, w=two))
    assert isinstance(error_of(result), RateLimitedError)
    assert result.data == {"corePersons": None}
    assert [(line["action"], line["fields"], line["result"]) for line in lines] == [("read", "idno", "RATE_LIMITED")]
    again = "query($w: CorePersonWhere) { a: corePersons(where: $w) { totalCount } b: corePersons { totalCount } }"
    with pytest.raises(RateLimitedError):
        await office.compiled(again, OFFICER, w=two)
    assert orjson.loads(await office.compiled("{ corePersons { totalCount } }", OFFICER))


@pytest.mark.parametrize("text", [
    "{ corePersons(where: {phone: {startsWith: \"138\"}}) { totalCount } }",
    "{ corePersons(orderBy: [{field: phone}]) { nodes { id } } }",
    "{ corePersonStats(groupBy: [{field: phone}]) { count } }",
    "{ corePersonStats(where: {birthDate: {gt: \"2000-01-01\"}}) { count } }",
    "{ corePersonStats { min { birthDate } } }",
    "{ coreRecords(where: {about: {phone: {eq: \"13812345678\"}}}) { totalCount } }",
])  # fmt: skip
async def test_no_door_gives_away_what_is_masked(office: Office, text: str) -> None:
    for who in (OFFICER, CLERK):
        result = await office.ask(text, who)
        assert isinstance(error_of(result), PermissionDeniedError)
        assert "138" not in result.errors[0].message  # type: ignore[index]  # it has errors


async def test_a_taken_value_is_not_repeated(office: Office) -> None:
    values = {"name": "某某", "birth_date": "1990-01-01", "idno": IDNOS[1]}
    with pytest.raises(ConflictError) as caught:
        await office.writer.create(MAKER, PERSON, values)
    assert IDNOS[1][:6] not in caught.value.message
    count = "SELECT count(*) FROM core_person"
    assert await office.database.fetch_value(count, []) == 3


async def test_nothing_leaves_when_the_audit_cannot_be_written(office: Office) -> None:
    async with office.database.transaction() as tx:
        await tx.execute("ALTER TABLE tb_audit RENAME TO tb_audit_gone")
    me, id = myself(office), office.people["ma"]
    with pytest.raises(AuditUnavailableError):
        await office.compiled(ONE, me, id=id)
    text = "query($id: ID!) { corePerson(id: $id) { name } open: corePersons { totalCount } }"
    result = await office.ask(text, me, id=id)
    assert isinstance(error_of(result), AuditUnavailableError)
    assert result.data == {"corePerson": None, "open": {"totalCount": 1}}
    masked = await office.compiled("{ corePersons { nodes { name } } }", CLERK)
    assert b"m**" in masked


async def test_a_value_that_cannot_be_opened_is_null_with_an_error_and_the_rest_stands(office: Office) -> None:
    id = office.people["ma"]
    async with office.database.transaction() as tx:
        await tx.execute(f"UPDATE core_person SET illness_sealed = idno WHERE id = '{id}'")
    result = await office.ask(ONE, myself(office), id=id)
    assert result.data is not None
    assert (result.data["corePerson"]["illness"], result.data["corePerson"]["idno"]) == (None, IDNOS[0])
    [error] = result.errors or []
    assert error.path == ["corePerson", "illness"]
    assert isinstance(error.original_error, UnreadableError)
    assert IDNOS[0] not in error.message
    with pytest.raises(UnreadableError):
        await office.compiled(ONE, myself(office), id=id)


async def test_a_text_of_a_user_passes_for_no_sealed_value(office: Office) -> None:
    sealed = await office.database.fetch_value(f"SELECT idno FROM core_person WHERE id = '{office.people['li']}'", [])
    forged = [sealed, f"0:{office.people['li']}:{sealed}", "!0"]
    for text in forged:
        made = await office.writer.create(MAKER, PERSON, {"name": text, "birth_date": "1980-01-01", "state": text})
        body = await office.compiled("query($id: ID!) { corePerson(id: $id) { name state } }", MAKER, id=made.id)
        assert orjson.loads(body)["corePerson"] == {"name": text, "state": text}


async def test_an_export_is_told_page_by_page_and_holds_no_l4(office: Office) -> None:
    async def export(*fields: str) -> list[Any]:
        return [row async for row in export_rows(office.reader, office.database, DOCTOR, PERSON, fields)]

    rows, [line] = await after(office, export("id", "name"))
    assert sorted(row["name"] for row in rows) == ["b**", "li某某", "ma某某"]
    assert (line["action"], line["fields"], len(line["subjects"])) == ("read", "name", 2)
    for secret in ("idno", "illness", "home { lng }"):
        with pytest.raises(PermissionDeniedError):
            await export("id", secret)


async def test_a_file_behind_a_sensitive_field_is_told_before_it_is_given(office: Office, tmp_path: Path) -> None:
    file, record = "01930000-0000-7000-8000-00000000f11e", office.records["ma"]
    async with office.database.transaction() as tx:
        await tx.execute(f"UPDATE core_record SET scan = '{file}' WHERE id = '{record}'")
    files = Files(office.host, None, None, tmp_path, 1000)  # type: ignore[arg-type]  # no door is passed here
    _, [line] = await after(office, files._read_through(office.generation, myself(office), file))
    assert (line["entity"], line["row_id"], line["fields"]) == ("core.record", record, "scan")
    assert (line["subjects"], line["rule"]) == ([office.people["ma"]], "core/access.yaml#3")
    uploaded = files._read_through(office.generation, MAKER, file, is_uploader=True)
    _, [line] = await after(office, uploaded)
    assert (line["actor"], line["row_id"], line["subjects"], line["rule"]) == (
        MAKER.id, record, [office.people["ma"]], "",
    )  # fmt: skip
    _, lines = await after(office, files._read_through(office.generation, MAKER, record, is_uploader=True))
    assert lines == []
    for stranger in (OFFICER, myself(office, "li")):
        with pytest.raises(NotFoundError):
            await files._read_through(office.generation, stranger, file)


async def case_of(office: Office, name: str) -> str:
    return str(await office.database.fetch_value(f"SELECT no FROM core_record WHERE id = '{office.records[name]}'", []))


async def unmask(office: Office, who: Actor = OFFICER, **more: Any) -> Any:
    wish = {
        "id": office.people["li"], "fields": ["idno", "phone", "home"], "purpose": "service",
        "case": await case_of(office, "ma"), "reason": "核对参保信息",
    }  # fmt: skip
    return await office.ask(UNMASK, who, **wish | more)


async def test_a_masked_value_is_shown_for_a_purpose_and_a_case(office: Office) -> None:
    result, lines = await after(office, unmask(office))
    assert result.errors is None
    assert result.data["unmask"]["values"] == [
        {"field": "idno", "value": IDNOS[1]},
        {"field": "phone", "value": "13812345678"},
        {"field": "home", "value": {"lng": 105.5, "lat": 36.5, "crs": "CGCS2000"}},
    ]
    assert lines == [{
        "actor": "u-officer", "action": "unmask", "result": "ok", "entity": "core.person",
        "row_id": office.people["li"], "fields": "idno,phone,home", "purpose": "core.service",
        "case": await case_of(office, "ma"), "rule": "core/access.yaml#4", "detail": "核对参保信息",
        "subjects": [office.people["li"]],
    }]  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "problem"), [
    ({"purpose": "curiosity"}, InvalidInputError, "unmask.purpose"),
    ({"purpose": "elsewhere.service"}, InvalidInputError, "unmask.purpose"),
    ({"case": "CO20269999"}, InvalidInputError, "unmask.case"),
    ({"reason": "看"}, InvalidInputError, "unmask.reason"),
    ({"reason": "查 13812345678"}, InvalidInputError, "unmask.reason-number"),
    ({"fields": ["state"]}, InvalidInputError, "unmask.plain"),
    ({"fields": []}, InvalidInputError, "unmask.fields"),
    ({"fields": ["illness"]}, PermissionDeniedError, ""),
    ({"fields": ["idno", "nothing"]}, PermissionDeniedError, ""),
    ({"id": "01930000-0000-7000-8000-0000000000ff"}, NotFoundError, ""),
])  # fmt: skip
async def test_a_wish_without_its_grounds_is_refused_and_told(
    office: Office, change: dict[str, Any], kind: type[RequestError], problem: str
) -> None:
    result, [line] = await after(office, unmask(office, **change))
    error = error_of(result)
    assert type(error) is kind
    assert result.data is None or result.data == {"unmask": None}
    assert [p.id for p in getattr(error, "problems", ())] == ([problem] if problem else [])
    assert (line["action"], line["result"]) == ("unmask", error.code)


async def test_a_case_counts_for_whoever_sees_it_only(office: Office) -> None:
    others = await case_of(office, "li")
    assert isinstance(error_of(await unmask(office, case=others)), InvalidInputError)
    assert isinstance(error_of(await unmask(office, CLERK)), PermissionDeniedError)


async def test_unmasking_is_limited_and_refusals_count(office: Office) -> None:
    office.quotas.left = 2
    assert (await unmask(office)).errors is None
    assert (await unmask(office, purpose="curiosity")).errors
    result, [line] = await after(office, unmask(office))
    assert isinstance(error_of(result), RateLimitedError)
    assert line["result"] == "RATE_LIMITED"
    assert set(office.quotas.taken) == {("unmask_account", "u-officer")}


async def test_unmasking_shows_nothing_when_it_cannot_be_recorded(office: Office) -> None:
    number = await case_of(office, "ma")
    async with office.database.transaction() as tx:
        await tx.execute("ALTER TABLE tb_audit_subject RENAME TO tb_audit_subject_gone")
    result = await unmask(office, case=number)
    assert isinstance(error_of(result), AuditUnavailableError)
    assert result.data is None or result.data == {"unmask": None}


async def test_history_shows_what_the_row_shows(office: Office) -> None:
    id = office.people["li"]
    await office.writer.update(MAKER, PERSON, id, 1, {"phone": "13900001111", "state": "well", "illness": ["无"]})
    await office.writer.update(MAKER, PERSON, id, 2, {"name": "李某"})
    result, [line] = await after(office, office.ask(HISTORY, OFFICER, entity="core.person", id=id))
    assert result.errors is None
    newest, middle, oldest = result.data["entityHistory"]["nodes"]
    assert (newest["version"], newest["action"], newest["actor"]) == (3, "update", "u-maker")
    assert (newest["before"]["name"], newest["after"]["name"]) == ("li某某", "李某")
    assert (middle["before"]["phone"], middle["after"]["phone"]) == ("138****5678", "139****1111")
    assert (middle["before"]["illness"], middle["after"]["state"]) == (None, "well")
    assert set(middle["maskedFields"]) == {"phone", "illness"}
    assert (oldest["action"], oldest["before"], oldest["after"]["idno"]) == (
        "create",
        None,
        MASKED_IDNO,
    )
    assert (line["action"], line["fields"], line["detail"]) == ("read", "name", "历史 3 版")
    assert line["subjects"] == [id]


async def test_history_is_read_in_pages_and_by_its_subject_in_clear(office: Office) -> None:
    id = office.people["ma"]
    for version in (1, 2):
        await office.writer.update(MAKER, PERSON, id, version, {"phone": f"1390000000{version}"})
    page = versions(await office.ask(HISTORY, myself(office), entity="core.person", id=id, first=2))
    assert [node["version"] for node in page["nodes"]] == [3, 2]
    assert (page["hasNextPage"], page["endCursor"]) == (True, 2)
    page = versions(await office.ask(HISTORY, myself(office), entity="core.person", id=id, after=2))
    [first] = page["nodes"]
    assert (first["after"]["illness"], first["after"]["idno"]) == (["糖尿病"], IDNOS[0])
    assert page["hasNextPage"] is False


async def test_history_of_another_subject_stays_masked(office: Office) -> None:
    id = office.records["ma"]
    await office.writer.update(MAKER, RECORD, id, 1, {"about": office.people["li"], "note": "换人"})
    result = await office.ask(HISTORY, myself(office, "li"), entity="core.record", id=id)
    newest, oldest = versions(result)["nodes"]
    assert (newest["before"]["note"], newest["after"]["note"]) == ("****", "换人")
    assert oldest["after"]["note"] == "****"
    assert isinstance(error_of(await office.ask(HISTORY, myself(office), entity="core.record", id=id)), NotFoundError)


async def test_deleted_rows_have_history_for_those_who_may_delete(office: Office) -> None:
    id = office.people["bao"]
    await office.writer.delete(MAKER, RECORD, office.records["bao"], 1)
    await office.writer.delete(MAKER, PERSON, id, 1)
    for who in (OFFICER, CLERK, myself(office, "bao")):
        assert isinstance(error_of(await office.ask(HISTORY, who, entity="core.person", id=id)), NotFoundError)
    result = await office.ask(HISTORY, MAKER, entity="core.person", id=id)
    assert [node["action"] for node in versions(result)["nodes"]] == ["delete", "create"]
    unknown = await office.ask(HISTORY, actor("leader"), entity="core.person", id=id)
    assert isinstance(error_of(unknown), PermissionDeniedError)
