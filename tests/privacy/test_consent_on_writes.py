"""What rests on consent is written with it only, or by the person and the guardian; a refusal leaves everything."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from tongban_sdk import Actor
from tongban_sdk.errors import ConsentRequiredError

from core.api.errors import STATUS
from core.exchange.importing import Parts, import_rows
from core.fields.times import utc_now
from core.privacy.consent import Given
from tests.privacy.conftest import VILLAGE, Town
from tests.privacy.test_consents import GRANT, WITHDRAW, version

CREATE = """mutation($i: VisitingVisitInput!) { made: createVisitingVisit(input: $i) { id } }"""
UPDATE = """mutation($id: ID!, $v: Int!, $p: VisitingVisitPatch!) {
  made: updateVisitingVisit(id: $id, version: $v, patch: $p) { id version }
}"""
LYING = "SELECT version, feeling, nickname, phone FROM visiting_visit ORDER BY id"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%core_person%'"
ROLES = frozenset({"anonymous", "visiting_visitor", "visiting_service", "community_worker"})
TABLES = ("visiting_visit", "tb_history")


def writing(town: Town) -> Actor:
    """Somebody who may see the people she writes about."""
    return dataclasses.replace(town.visitor, roles=ROLES)


def lying(town: Town) -> list[Any]:
    return [town.fetch(f"SELECT * FROM {table} ORDER BY id") for table in TABLES]


def refused(town: Town, query: str, actor: Actor, **variables: Any) -> str:
    """The message of a refusal that left nothing."""
    before = lying(town)
    answer = town.server.post(query, actor, **variables)
    assert answer["errors"][0]["extensions"]["code"] == "CONSENT_REQUIRED", answer
    assert lying(town) == before
    return str(answer["errors"][0]["message"])


def agree(town: Town, name: str = "马大妈") -> None:
    her = town.citizen(name)
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))


def test_a_creation_needs_the_consent_its_fields_rest_on(town: Town) -> None:
    given = {"personId": town.people["马大妈"], "phone": "13800000001"}
    told = refused(town, CREATE, writing(town), i={**given, "feeling": "腿疼", "nickname": "马妈"})
    assert told == "没有本人同意，不能填写：“走访关怀”（近况、称呼）"
    assert STATUS["CONSENT_REQUIRED"] == 403
    assert town.data(CREATE, writing(town), i={**given, "feeling": None})["made"]["id"]
    agree(town)
    assert town.data(CREATE, writing(town), i={**given, "feeling": "腿疼", "nickname": "马妈"})["made"]["id"]
    assert [row[1:3] for row in town.fetch(LYING)] == [(None, None), ("腿疼", "马妈")]
    town.data(WITHDRAW, town.citizen("马大妈"), p="visiting.visit")
    refused(town, CREATE, writing(town), i={**given, "feeling": "腿疼"})


def test_after_a_withdrawal_values_stay_or_are_cleared(town: Town) -> None:
    id = town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼", nickname="马妈")
    refused(town, UPDATE, writing(town), id=id, v=1, p={"feeling": "腰疼"})
    agree(town)
    assert town.data(UPDATE, writing(town), id=id, v=1, p={"feeling": "腰疼"})["made"]["version"] == 2
    town.data(WITHDRAW, town.citizen("马大妈"), p="visiting.visit")
    assert refused(town, UPDATE, writing(town), id=id, v=2, p={"feeling": "头疼"}).endswith("“走访关怀”（近况）")
    refused(town, UPDATE, writing(town), id=id, v=2, p={"feeling": None, "nickname": "马姐"})
    # The same value, a field under another purpose, and null are no new use of what she took back.
    assert town.data(UPDATE, writing(town), id=id, v=2, p={"feeling": "腰疼", "phone": "13800000003"})["made"]
    assert town.data(UPDATE, writing(town), id=id, v=3, p={"feeling": None})["made"]["version"] == 4
    assert town.fetch(LYING) == [(4, None, "马妈", "13800000003")]


def test_values_do_not_move_to_somebody_who_has_not_agreed(town: Town) -> None:
    id = town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼")
    agree(town)
    refused(town, UPDATE, writing(town), id=id, v=1, p={"personId": town.people["马儿子"]})
    agree(town, "马儿子")
    assert town.data(UPDATE, writing(town), id=id, v=1, p={"personId": town.people["马儿子"]})["made"]["version"] == 2


def test_the_person_and_the_guardian_need_none_but_a_delegate_does(town: Town) -> None:
    today = utc_now().date()
    town.person("小马", born=today - timedelta(days=8 * 365))
    town.insert(
        "core.guardian_link", guardian_id=town.people["马儿子"], ward_id=town.people["小马"], relation="parent",
        state="verified", verified_at=utc_now(),
    )  # fmt: skip
    facts: dict[str, Any] = {"roles": ROLES | {"visiting_parent"}, "division": VILLAGE}
    her, father, child = (town.citizen(name, **facts) for name in ("马大妈", "马儿子", "小马"))
    about_her, about_child = ({"personId": town.people[name], "feeling": "好"} for name in ("马大妈", "小马"))
    delegate = dataclasses.replace(father, person=her.person, agent=father.person, delegation="d", scopes=("visiting",))
    refused(town, CREATE, delegate, i=about_her)
    refused(town, CREATE, father, i=about_her)
    refused(town, CREATE, child, i=about_child)
    assert town.data(CREATE, her, i=about_her)["made"]["id"]
    assert town.data(CREATE, father, i=about_child)["made"]["id"]
    assert town.fetch("SELECT count(*) FROM visiting_visit") == [(2,)]


def test_an_import_says_which_row_lacks_it_and_writes_none(town: Town) -> None:
    generation, host = town.host.generation, town.host
    parts = Parts(host.database, generation.world, generation.access, generation.writer, host.vault)
    entity = generation.world.entities["visiting.visit"]
    agree(town)
    path = town.folder / "visits.csv"
    lines = [f"{town.people[name]},{VILLAGE},好" for name in ("马大妈", "马儿子")]
    path.write_text("\n".join(["person,division,feeling", *lines]) + "\n", "utf-8")
    before = lying(town)
    report = town.run(import_rows, parts, writing(town), entity, path, max_bytes=10_000)
    assert [(fault.line, fault.message) for fault in report.faults] == [
        (3, "没有本人同意，不能填写：“走访关怀”（近况）")
    ]
    assert lying(town) == before
    agree(town, "马儿子")
    assert town.run(import_rows, parts, writing(town), entity, path, max_bytes=10_000).created == 2


def test_no_write_of_the_other_side_lies_after_a_withdrawal(town: Town) -> None:
    """Writers and a withdrawal at once: whatever was written was written before she took it back."""
    generation, privacy, her = town.host.generation, town.host.privacy, town.citizen("马大妈")
    entity = generation.world.entities["visiting.visit"]
    given = {"person": town.people["马大妈"], "feeling": "腿疼"}

    async def one() -> list[Any]:
        writes: list[Any] = [generation.writer.create(writing(town), entity, given) for _ in range(8)]
        writes.insert(4, privacy.consents.withdraw(her, "visiting.visit"))
        done = await asyncio.gather(*writes, return_exceptions=True)
        return [one for one in done if isinstance(one, BaseException)]

    for _ in range(4):
        agree(town)
        failed = town.run(one)
        assert {type(error) for error in failed} <= {ConsentRequiredError}
        with pytest.raises(ConsentRequiredError):
            town.run(generation.writer.create, writing(town), entity, given)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)  # SQLite has one writer at a time
def test_a_write_waits_for_a_withdrawal_under_way(town: Town) -> None:
    """The order is decided by the person's row, not by who looked at the ledger first."""
    host, her = town.host, town.citizen("马大妈")
    entity = host.generation.world.entities["visiting.visit"]
    agree(town)
    [last] = town.run(host.privacy.ledger.history, town.people["马大妈"])

    id = town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼")

    async def both() -> Any:
        lock = f"SELECT id FROM core_person WHERE id = '{town.people['马大妈']}' FOR UPDATE"
        async with host.database.transaction() as tx:
            await tx.fetch(lock)
            writer = host.generation.writer.update(writing(town), entity, id, 1, {"feeling": "腰疼"})
            write = asyncio.create_task(writer, context=contextvars.Context())
            while not write.done() and (await host.database.fetch(WAITING, []))[0][0] == 0:
                pass
            taken = Given(
                person=last.person, purpose=last.purpose, action="withdraw", text_version=last.text_version,
                fields=last.fields,
            )  # fmt: skip
            await host.privacy.ledger.add(tx, her, taken)
        with pytest.raises(ConsentRequiredError):
            await write

    before = lying(town)
    town.run(both)
    assert lying(town) == before
