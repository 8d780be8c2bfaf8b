"""Who looked at my data: shown at once, by unit and post, without the person's own reads."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from tongban_sdk import Actor

from core.store.account_tables import ACCOUNT
from core.store.database import Insert
from core.store.ids import uuid7
from tests.privacy.conftest import Town
from tests.privacy.test_proxies import born_years_ago, linked

LOOKED = """query($first: Int! = 20, $after: String, $own: Boolean! = false, $w: ID) {
  r: whoLookedAtMyData(first: $first, after: $after, own: $own, ward: $w) {
    cursor who action refused entityTitle fields purpose purposeText caseNo
  }
}"""
VISITS = "{ visitingVisits { nodes { phone } } }"


def looked(town: Town, actor: Any, **variables: Any) -> list[dict[str, Any]]:
    return list(town.data(LOOKED, actor, **variables)["r"])


def visitor_of(town: Town) -> Any:
    """The visitor with an account, a unit and a post."""
    org = town.create("core.org_unit", code="MZJ", name="民政局", kind="department")
    post = town.create("core.post", code="P1", title="社会救助岗", org_unit=org)
    staff = town.create("core.staff", account="laozhang", name="老张", org_unit=org)
    generation = town.host.generation
    security = Actor(id="security", kind="admin", roles=frozenset({"anonymous", "security_admin"}))
    town.run(generation.writer.update, security, generation.world.entities["core.staff"], staff, 1, {"post": post})
    id, now = uuid7(), datetime.now(UTC).replace(microsecond=0)
    row = {"id": id, "kind": "staff", "login": "laozhang", "staff": staff, "created_at": now, "created_by": "test"}
    town.run(town.host.database.insert, [Insert(ACCOUNT, row)])
    return dataclasses.replace(town.visitor, id=id, staff=staff)


def test_a_look_is_shown_at_once_by_unit_and_post(town: Town) -> None:
    town.create("visiting.visit", person=town.people["马大妈"], phone="13800000001")
    her = town.citizen("马大妈")
    before = len(looked(town, her))
    town.data(VISITS, visitor_of(town))
    first, *_ = after = looked(town, her)
    assert len(after) == before + 1
    assert (first["who"], first["action"], first["refused"]) == ("民政局 社会救助岗", "查看", False)
    assert (first["entityTitle"], first["fields"]) == ("走访记录", ["联系电话"])
    assert "老张" not in str(after)
    assert looked(town, town.citizen("马儿子")) == [
        line for line in looked(town, town.citizen("马儿子")) if line["action"] == "登记"
    ]


def test_several_purposes_are_told_by_their_titles(town: Town) -> None:
    town.create("visiting.visit", person=town.people["马大妈"], phone="13800000001", wish="理发")
    town.data("{ visitingVisits { nodes { phone wish } } }", town.visitor)
    first, *_ = looked(town, town.citizen("马大妈"))
    assert (first["purpose"], first["purposeText"]) == ("走访登记、预约服务", "依法登记走访情况；为您办理预约的服务")


def test_her_own_reads_are_left_out_unless_asked_for(town: Town) -> None:
    town.create("visiting.visit", person=town.people["马大妈"], phone="13800000001")
    her = town.citizen("马大妈")
    before, before_own = len(looked(town, her)), len(looked(town, her, own=True))
    town.data("{ myData { entity } }", her)
    town.data(VISITS, her)
    assert len(looked(town, her)) == before
    assert len(looked(town, her, own=True)) == before_own + 2


def test_pages_go_on_where_they_ended(town: Town) -> None:
    town.create("visiting.visit", person=town.people["马大妈"], phone="13800000001")
    her = town.citizen("马大妈")
    for _ in range(5):
        town.data(VISITS, town.visitor)
    whole = looked(town, her)
    first = looked(town, her, first=2)
    rest = looked(town, her, first=100, after=first[-1]["cursor"])
    assert [line["cursor"] for line in (*first, *rest)] == [line["cursor"] for line in whole]
    assert len({line["cursor"] for line in whole}) == len(whole) >= 5
    assert town.code(LOOKED, her, after="nonsense") == "INVALID_INPUT"
    assert town.code(LOOKED, her, first=0) == "INVALID_INPUT"


def test_a_guardian_sees_who_looked_at_the_child_and_a_delegate_nothing(town: Town) -> None:
    town.person("小马", born=born_years_ago(8))
    linked(town, "马儿子", "小马")
    town.create("visiting.visit", person=town.people["小马"], phone="13800000003")
    town.data("query { visitingVisits(first: 1) { nodes { phone } } }", town.visitor)
    town.data("query($w: ID) { myData(ward: $w) { entity } }", town.citizen("马儿子"), w=town.people["小马"])
    seen = looked(town, town.citizen("马儿子"), w=town.people["小马"])
    assert seen[0]["who"] == "其他群众账号"
    assert town.code(LOOKED, town.citizen("马大妈"), w=town.people["小马"]) == "PERMISSION_DENIED"
    acting = dataclasses.replace(
        town.citizen("马儿子"), person=town.people["马大妈"], agent=town.people["马儿子"], delegation="d",
        scopes=("visiting",), roles=frozenset({"anonymous", "delegate"}),
    )  # fmt: skip
    assert town.code(LOOKED, acting) == "PERMISSION_DENIED"
