"""What is read: against plain Python over the same rows, page by page, statement by statement."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson
import pytest
from graphql import parse
from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.errors import InvalidInputError, PermissionDeniedError

from tests.read import oracle
from tests.read.conftest import House
from tests.read.county import uid
from tests.worlds import ACTORS, ADMIN, PERSON_ID, PROPERTY_STAFF, RESIDENT, STREET_ADMIN, WORKER

READERS = ACTORS[1:]
PAGE = """query($where: CommunityRepairOrderWhere, $by: [CommunityRepairOrderOrderBy!], $n: PageSize, $after: String) {
  communityRepairOrders(where: $where, orderBy: $by, first: $n, after: $after) {
    nodes { id phone } edges { cursor node { id } } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
MANY_ROLES = Actor(
    "u-many", "staff", PERSON_ID, frozenset({"anonymous", "resident", "property_staff", "community_worker"}),
    PROPERTY_STAFF.org, PROPERTY_STAFF.org_path,
)  # fmt: skip


async def walk(house: House, actor: Actor, size: int, **variables: Any) -> list[dict[str, Any]]:
    """All rows, page after page, on the compiled path."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        data = await house.compiled(PAGE, actor, {**variables, "n": size, "after": after})
        assert data is not None
        page = orjson.loads(data)["communityRepairOrders"]
        info = page["pageInfo"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        assert info["hasPreviousPage"] is (after is not None)
        if page["nodes"]:
            assert (info["startCursor"], info["endCursor"]) == (page["edges"][0]["cursor"], page["edges"][-1]["cursor"])
        found += page["nodes"]
        assert page["totalCount"] >= len(found)
        if not info["hasNextPage"]:
            assert page["totalCount"] == len(found)
            return found
        assert len(page["nodes"]) == size
        after = info["endCursor"]


ORDERS: tuple[list[tuple[str, bool]], ...] = (
    [],
    [("created_at", True)],
    [("created_at", False), ("id", True)],
    [("due_on", False)],
    [("due_on", True), ("stars", False)],
    [("stars", True), ("visit_at", True)],
    [("state", False), ("created_at", True)],
    [("cost", True)],
    [("urgent", False), ("visit_from", True)],
    [("division", True)],
)


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@pytest.mark.parametrize("actor", [*READERS, MANY_ROLES], ids=lambda actor: actor.id)
async def test_pages_are_the_rows_plain_python_finds(house: House, actor: Actor) -> None:
    for size, keys in enumerate(ORDERS, start=3):
        if "community_worker" in actor.roles and ("cost", True) in keys:
            continue  # not his to sort by
        order = [{"field": camel(name), "direction": "DESC" if down else "ASC"} for name, down in keys]
        expected = oracle.sorted_by(oracle.visible(actor), keys)
        found = await walk(house, actor, size, by=order)
        assert [row["id"] for row in found] == [row["id"] for row in expected], keys
        assert [row["phone"] for row in found] == [oracle.phone_of(actor, row) for row in expected]


WHERES: tuple[tuple[dict[str, Any], Any], ...] = (
    ({"state": {"eq": "open"}}, lambda r: r["state"] == "open"),
    ({"state": {"ne": "open"}}, lambda r: r["state"] not in ("open", None)),
    ({"state": {"eq": None}}, lambda r: r["state"] is None),
    ({"state": {"ne": None}}, lambda r: r["state"] is not None),
    ({"stars": {"gt": None}}, lambda r: False),
    ({"not": {"stars": {"gte": 3}}}, lambda r: r["stars"] is None or r["stars"] < 3),
    ({"stars": {"in": [1, 5]}}, lambda r: r["stars"] in (1, 5)),
    ({"stars": {"in": []}}, lambda r: False),
    ({"stars": {"notIn": [1, 5]}}, lambda r: r["stars"] not in (1, 5, None)),
    ({"or": []}, lambda r: False),
    ({"and": []}, lambda r: True),
    ({"or": [{"urgent": {"eq": True}}, {"stars": {"isNull": True}}]}, lambda r: r["urgent"] or r["stars"] is None),
    ({"cost": {"gte": "0.05", "lt": "12.5"}}, lambda r: r["cost"] is not None and 5 <= r["cost"] * 100 < 1250),
    ({"cost": {"eq": "9999999999.99"}}, lambda r: r["cost"] is not None and r["cost"] > 10**9),
    ({"dueOn": {"lte": "2026-11-20"}}, lambda r: r["due_on"] is not None and r["due_on"].isoformat() <= "2026-11-20"),
    ({"details": {"contains": "”"}}, lambda r: r["details"] is not None and "”" in r["details"]),
    ({"details": {"startsWith": "%"}}, lambda r: r["details"] is not None and r["details"].startswith("%")),
    ({"tags": {"has": 'a"b'}}, lambda r: 'a"b' in (r["tags"] or ())),
    ({"houseId": {"eq": uid(4, 3).upper()}}, lambda r: r["house_id"] == uid(4, 3)),
    ({"division": {"under": "640522101000"}}, lambda r: (r["division"] or "").startswith("640522101")),
    ({"overdue": {"eq": True}}, lambda r: r["state"] == "open" and str(r["due_on"] or "9") < "2026-11-22"),
)  # fmt: skip


async def test_filters_mean_what_plain_python_says(house: House) -> None:
    for where, holds in WHERES:
        expected = {row["id"] for row in oracle.visible(STREET_ADMIN) if holds(row)}
        found = await walk(house, STREET_ADMIN, 100, where=where)
        assert {row["id"] for row in found} == expected, where


async def test_groups_are_counted_over_visible_rows_only(house: House) -> None:
    text = """{ communityRepairOrderStats(groupBy: [{field: category}]) {
      key { category } count sum { stars } avg { stars } } }"""
    groups = (await house.ask(text, STREET_ADMIN))["communityRepairOrderStats"]
    members: dict[str | None, list[int | None]] = {}
    for row in oracle.visible(STREET_ADMIN):
        category = row["category"] if row["category"] != "no_longer_listed" else None
        members.setdefault(category, []).append(row["stars"])
    assert [group["key"]["category"] for group in groups] == sorted(members, key=lambda key: key or "")
    for group in groups:
        stars = members[group["key"]["category"]]
        given = [star for star in stars if star is not None]
        average = (Decimal(sum(given)) / len(given)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert group == {
            "key": group["key"], "count": len(stars), "sum": {"stars": sum(given)}, "avg": {"stars": str(average)}
        }  # fmt: skip


@pytest.mark.parametrize("size", [1, 100])
async def test_one_statement_whatever_the_number_of_rows(
    house: House, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """query($n: PageSize) { communityHouses(first: $n) { totalCount nodes {
      id compound { name houses { nodes { id } } }
      repairOrders(first: 5) { nodes { id reporter { name } } pageInfo { hasNextPage } totalCount } } } }"""
    statements: list[str] = []
    fetch_value = house.database.fetch_value

    async def counting(sql: str, args: Any) -> Any:
        statements.append(sql)
        return await fetch_value(sql, args)

    monkeypatch.setattr(house.database, "fetch_value", counting)
    assert await house.compiled(text, STREET_ADMIN, {"n": size}) is not None
    assert len(statements) == 1
    await house.ask(text, STREET_ADMIN, {"n": size})
    assert len(statements) == 2


async def test_a_plan_serves_its_rules_only_and_all_variables_of_a_shape(house: House) -> None:
    document = house.document("query($id: ID!) { communityRepairOrder(id: $id) { id cost reporterId } }")
    reader = house.generation.reader

    def plan(actor: Actor, id: str) -> Any:
        compiled = reader.compile(document, None, {"id": id}, actor)
        assert compiled is not None
        return compiled.plan

    assert plan(ADMIN, uid(5, 1)) is plan(ADMIN, uid(5, 2))
    assert plan(WORKER, uid(5, 1)) is not plan(ADMIN, uid(5, 1))
    other = Actor("u-other", "staff", None, STREET_ADMIN.roles | {"not_in_any_rule"}, division="640522101000")
    assert plan(other, uid(5, 1)) is plan(STREET_ADMIN, uid(5, 1))
    assert '"reporter_id"' not in plan(ADMIN, uid(5, 1)).sql.partition("FROM")[0]


@pytest.mark.parametrize(
    ("text", "actor", "field"),
    [
        ("{ communityRepairOrders(where: {cost: {gt: \"1\"}}) { totalCount } }", WORKER, "cost"),
        ("{ communityRepairOrders(where: {phone: {eq: \"13800000000\"}}) { totalCount } }", STREET_ADMIN, "phone"),
        ("{ communityRepairOrders(orderBy: [{field: phone}]) { totalCount } }", MANY_ROLES, "phone"),
        ("{ communityRepairOrderStats(groupBy: [{field: reporter}]) { count } }", ADMIN, "reporter"),
        ("{ communityRepairOrderStats { sum { cost } } }", WORKER, "cost"),
        ("{ communityRepairOrders(where: {house: {roomNo: {eq: \"1-1\"}}}) { totalCount } }", ADMIN, "house"),
        ("{ communityHouses(where: {owner: {name: {eq: \"马\"}}}) { totalCount } }", STREET_ADMIN, "owner"),
    ],
)  # fmt: skip
async def test_conditions_on_what_is_not_clear_are_refused(house: House, text: str, actor: Actor, field: str) -> None:
    assert await house.compiled(text, actor) is None
    result = await house.ordinary(text, actor)
    assert result.errors is not None
    error = result.errors[0].original_error
    assert isinstance(error, PermissionDeniedError)
    assert field in error.message


async def test_no_rule_is_an_error_at_the_root_and_null_below(house: House) -> None:
    denied = await house.ordinary("{ coreOrgUnits { totalCount } communityCompounds { totalCount } }", ANONYMOUS)
    assert denied.data == {"coreOrgUnits": None, "communityCompounds": {"totalCount": 4}}
    assert denied.errors is not None
    assert denied.errors[0].path == ["coreOrgUnits"]
    text = "{ communityCompounds { nodes { propertyOrg { name } houses { totalCount } createdAt } } }"
    nodes = (await house.ask(text, ANONYMOUS))["communityCompounds"]["nodes"]
    assert nodes == [{"propertyOrg": None, "houses": None, "createdAt": None}] * 4


async def test_deleted_rows_are_gone_everywhere(house: House) -> None:
    text = "query($id: ID!) { communityCompound(id: $id) { id } }"
    assert await house.ask(text, STREET_ADMIN, {"id": uid(3, 4)}) == {"communityCompound": None}
    text = "{ communityHouses(first: 100) { nodes { id compoundId compound { id } } } }"
    nodes = (await house.ask(text, STREET_ADMIN))["communityHouses"]["nodes"]
    assert uid(4, 11) not in {node["id"] for node in nodes}
    orphans = [node for node in nodes if node["compoundId"] == uid(3, 4)]
    assert orphans
    assert all(node["compound"] is None for node in orphans)


@pytest.mark.parametrize(
    "cursor", ["", "zz", "5b5d", b"[1,2,3,4]".hex(), b'["-created_at",null]'.hex(), b'["id","x","y"]'.hex()]
)
async def test_a_cursor_of_another_making_is_refused(house: House, cursor: str) -> None:
    text = "query($c: String) { communityCompounds(after: $c) { nodes { id } } }"
    assert await house.compiled(text, STREET_ADMIN, {"c": cursor}) is None
    result = await house.ordinary(text, STREET_ADMIN, {"c": cursor})
    assert result.errors is not None
    error = result.errors[0].original_error
    assert isinstance(error, InvalidInputError)
    assert error.problems[0].path == ("after",)


async def test_response_keys_of_any_length(house: House) -> None:
    long, longer = "k" * 64, "k" * 64 + "l"
    text = f"{{ {long}: communityCompounds {{ {longer}: nodes {{ {long}: name {longer}: id }} }} }}"
    assert await house.compiled(text, ADMIN) is None
    names = await house.ask("{ communityCompounds { nodes { name id } } }", STREET_ADMIN)
    answer = await house.ask(text, STREET_ADMIN)
    assert [tuple(node.values()) for node in answer[long][longer]] == [
        tuple(node.values()) for node in names["communityCompounds"]["nodes"]
    ]
    assert list(answer[long][longer][0]) == [long, longer]


async def test_text_no_database_can_hold_is_refused_not_sent(house: House) -> None:
    text = "query($t: String) { communityRepairOrders(where: {details: {contains: $t}}) { totalCount } }"
    for odd in ("\0", "a\ud800"):
        assert await house.compiled(text, STREET_ADMIN, {"t": odd}) is None
        result = await house.ordinary(text, STREET_ADMIN, {"t": odd})
        assert result.errors is not None
        assert isinstance(result.errors[0].original_error, InvalidInputError)


async def test_operations_are_bounded(house: House) -> None:
    reader = house.generation.reader
    for n in range(1100):
        assert reader.compile(parse(f"{{ a{n}: communityCompounds {{ totalCount }} }}"), None, {}, RESIDENT) is not None
    assert len(reader._operations) <= 1000
