"""Rows become actors; who acts for whom; changed rows end tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import NotAuthenticatedError, NotFoundError

from core.expr.clock import CHINA
from core.identity.actors import Choice, DelegationEndedError
from core.identity.facts import CONCERNED, Facts
from core.store.database import Database
from tests.identity.town import DIVISION, Town, core_world, found_town

DAY = timedelta(days=1)


@pytest.fixture
async def town(database: Database, tmp_path: Path) -> Town:
    return await found_town(database, tmp_path)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def test_a_staff_member_is_what_staff_post_unit_and_grids_say(town: Town) -> None:
    person, unit = await town.person(), await town.unit("mz")
    post = await town.row("post", org_unit_id=unit, code="p1", title="股长", roles=["unit_head", "case_officer"])
    account = await town.staff(
        person_id=person, org_unit_id=unit, post_id=post, roles=["grid_worker"], work_division=DIVISION
    )
    today = date.today()
    for grid, since, until in (
        ("640522100203001", today - DAY, None), ("640522100203002", today - DAY * 9, today + DAY * 9),
        ("640522100203003", today + DAY * 2, None), ("640522100203004", today - DAY * 9, today - DAY * 2),
    ):  # fmt: skip
        await town.row("grid_assignment", staff_id=account.staff, grid=grid, duty="worker", since=since, until=until)
    actor = (await town.sessions.open(account)).actor
    assert actor.roles == {"anonymous", "unit_head", "case_officer", "grid_worker"}
    assert (actor.kind, actor.staff, actor.person, actor.org) == ("staff", account.staff, person, unit)
    assert (actor.org_path, actor.division) == ("/640522/mz/", DIVISION)
    assert actor.grids == ("640522100203001", "640522100203002")


@pytest.mark.parametrize("state", ["leave", "left"])
async def test_who_has_left_cannot_log_in_and_is_put_out_at_the_next_refresh(town: Town, state: str) -> None:
    account = await town.staff()
    pair = await town.sessions.open(account)
    await town.set("core_staff", str(account.staff), state=state)
    with pytest.raises(NotAuthenticatedError, match="离岗"):
        await town.sessions.open(account)
    with pytest.raises(NotAuthenticatedError, match="离岗"):
        await town.sessions.refresh(pair.refresh)
    assert await town.value("SELECT count(*) FROM tb_session WHERE closed_at IS NULL") == 0


@pytest.mark.parametrize("where", ["staff", "post"])
async def test_no_row_makes_a_staff_member_an_administrator(town: Town, where: str) -> None:
    unit = await town.unit()
    roles: list[str] = ["system_admin"]
    post = await town.row("post", org_unit_id=unit, code="p1", title="岗", roles=roles if where == "post" else [])
    account = await town.staff(org_unit_id=unit, post_id=post, roles=roles if where == "staff" else [])
    with pytest.raises(NotAuthenticatedError, match="不能兼任管理员"):
        await town.sessions.open(account)
    assert await town.value("SELECT count(*) FROM tb_session") == 0


async def test_an_administrator_holds_one_role_and_no_other_account_uses_that_column(town: Town) -> None:
    actor = (await town.sessions.open(await town.admin("audit_admin"))).actor
    assert actor.kind == "admin"
    assert actor.roles == {"anonymous", "audit_admin"}
    for role in (None, "", "resident", "system_admin,audit_admin"):
        account = await town.account("admin", login=f"x{role}", admin_role=role)
        with pytest.raises(NotAuthenticatedError):
            await town.sessions.open(account)
    staff = await town.staff()
    await town.set("tb_account", staff.id, admin_role="system_admin")
    assert (await town.sessions.open(staff)).actor.roles == {"anonymous", "case_officer"}


async def test_between_several_persons_the_holder_chooses(town: Town) -> None:
    mother, father, stranger = await town.person(), await town.person(), await town.person()
    pair = await town.sessions.open(await town.citizen(mother, father))
    assert (pair.actor.person, pair.actor.real_name) == (None, 1)
    with pytest.raises(NotFoundError):
        await town.sessions.act(pair.actor, Choice(person=stranger))
    chosen = await town.sessions.act(pair.actor, Choice(person=father))
    assert town.tokens.verify(chosen.access).actor.person == father
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(pair.access)
    # The choice lasts as long as the session.
    pair = await town.sessions.refresh(pair.refresh)
    assert (pair.actor.person, pair.actor.real_name) == (father, 2)


async def test_a_person_no_longer_bound_is_no_longer_spoken_for(town: Town) -> None:
    mother, father = await town.person(), await town.person()
    account = await town.citizen(mother, father)
    pair = await town.sessions.open(account)
    await town.sessions.act(pair.actor, Choice(person=father))
    binding = await town.value(f"SELECT id FROM tb_account_person WHERE person = '{father}'")
    await town.set("tb_account_person", str(binding), ended_at=now())
    assert (await town.sessions.refresh(pair.refresh)).actor.person == mother


async def test_a_delegate_acts_for_the_principal_and_is_told_apart(town: Town) -> None:
    mother, son = await town.person(), await town.person()
    delegation = await town.delegation(mother, son, scopes=["community", "eldercare"])
    pair = await town.sessions.open(await town.citizen(son, real_name=3))
    acting = await town.sessions.act(pair.actor, Choice(delegation=delegation))
    actor = town.tokens.verify(acting.access).actor
    assert (actor.id, actor.person, actor.agent) == (pair.actor.id, mother, son)
    assert (actor.delegation, actor.scopes) == (delegation, ("community", "eldercare"))
    assert actor.roles == {"anonymous", "delegate"}
    assert actor.real_name == 3
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(pair.access)
    # Refreshed, she still acts; back to herself, she does not.
    pair = await town.sessions.refresh(pair.refresh)
    assert pair.actor == actor
    back = await town.sessions.act(pair.actor, Choice())
    assert (back.actor.person, back.actor.agent) == (son, None)
    assert back.actor.roles == {"anonymous", "resident"}


INVALID: dict[str, dict[str, Any]] = {
    "revoked": {"state": "revoked"}, "revoked at": {"revoked_at": now()}, "expired": {"state": "expired"},
    "over": {"until": now() - timedelta(seconds=1)}, "not yet": {"since": now() + DAY},
    "deleted": {"deleted_at": now()},
}  # fmt: skip


@pytest.mark.parametrize("why", INVALID)
async def test_a_delegation_that_does_not_hold_is_refused_at_issue_and_at_refresh(town: Town, why: str) -> None:
    mother, son = await town.person(), await town.person()
    pair = await town.sessions.open(await town.citizen(son))
    delegation = await town.delegation(mother, son)
    await town.sessions.act(pair.actor, Choice(delegation=delegation))
    await town.set("core_delegation", delegation, **INVALID[why])
    with pytest.raises(DelegationEndedError):
        await town.sessions.refresh(pair.refresh)
    # Nothing lost: the same refresh token now brings her back to herself, and says so.
    again = await town.sessions.refresh(pair.refresh)
    assert (again.actor.person, again.actor.delegation) == (son, None)
    with pytest.raises(DelegationEndedError):
        await town.sessions.act(again.actor, Choice(delegation=delegation))


async def test_no_token_outlives_the_delegation_it_was_made_of(town: Town) -> None:
    mother, son = await town.person(), await town.person()
    delegation = await town.delegation(mother, son, until=now() + timedelta(seconds=90))
    pair = await town.sessions.open(await town.citizen(son))
    acting = await town.sessions.act(pair.actor, Choice(delegation=delegation))
    assert 80 < (acting.access_expires_at - now()).total_seconds() <= 90
    assert 500 < (pair.access_expires_at - now()).total_seconds() <= 600


async def test_nobody_acts_under_the_delegation_of_others(town: Town) -> None:
    mother, son, thief = await town.person(), await town.person(), await town.person()
    delegation = await town.delegation(mother, son)
    for person in (thief, mother):
        pair = await town.sessions.open(await town.citizen(person))
        with pytest.raises(DelegationEndedError):
            await town.sessions.act(pair.actor, Choice(delegation=delegation))
        assert town.tokens.verify(pair.access).actor == pair.actor
    for account in (await town.staff(person_id=son), await town.admin()):
        pair = await town.sessions.open(account)
        with pytest.raises(NotAuthenticatedError):
            await town.sessions.act(pair.actor, Choice(delegation=delegation))


async def test_what_ends_a_holder_ends_her_companies_sessions(town: Town) -> None:
    person = await town.person()
    company = await town.row("legal_entity", uscc="91640522MA76TEA05N", name="海原枸杞", kind="company", state="active")
    await town.row(
        "legal_operator", legal_entity_id=company, person_id=person, kind="operator", since=now() - DAY, state="active"
    )
    holder = await town.citizen(person)
    account = await town.account("legal", holder=holder.id, legal_entity=company)
    other = await town.sessions.open(await town.citizen())
    first, second = await town.sessions.open(account), await town.sessions.open(account)
    # Her list shows her own sessions; what she does for a company is another account's.
    assert await town.sessions.of(holder.id) == []
    assert await town.sessions.revoke(holder.id, "disabled") == 2
    for pair in (first, second):
        with pytest.raises(NotAuthenticatedError):
            town.tokens.verify(pair.access)
    assert town.tokens.verify(other.access).actor == other.actor
    await town.set("tb_account", holder.id, state="disabled")
    with pytest.raises(NotAuthenticatedError, match="停用"):
        await town.sessions.open(account)


async def test_an_operator_acts_for_the_company_while_the_register_says_so(town: Town) -> None:
    person = await town.person()
    company = await town.row("legal_entity", uscc="91640522MA76TEA05N", name="海原枸杞", kind="company", state="active")
    operator = await town.row(
        "legal_operator", legal_entity_id=company, person_id=person, kind="operator", since=now() - DAY, state="active"
    )
    holder = await town.citizen(person)
    account = await town.account("legal", holder=holder.id, legal_entity=company)
    pair = await town.sessions.open(account)
    assert (pair.actor.legal_entity, pair.actor.person, pair.actor.kind) == (company, person, "citizen")
    assert pair.actor.roles == {"anonymous", "legal_person"}
    await town.set("core_legal_operator", operator, until=now() - timedelta(seconds=1))
    with pytest.raises(NotAuthenticatedError, match="经办人"):
        await town.sessions.refresh(pair.refresh)


@pytest.mark.parametrize(
    ("kind", "roles"),
    [("individual_business", {"merchant"}), ("private_nonprofit", {"merchant"}), ("government", set())],
)
async def test_operators_of_shops_and_service_providers_are_merchants(town: Town, kind: str, roles: set[str]) -> None:
    person = await town.person()
    shop = await town.row(
        "legal_entity", uscc="92640522MA76TEA13E", name="马家面馆", kind=kind, state="active", representative_id=person
    )
    account = await town.account("legal", holder=(await town.citizen(person)).id, legal_entity=shop)
    assert (await town.sessions.open(account)).actor.roles == {"anonymous", "legal_person"} | roles


async def sign(town: Town, unit: str, **values: object) -> str:
    """A contract of a company with the county."""
    today = datetime.now(CHINA).date()
    base = {"kind": "property_company", "state": "active", "contract_from": today - DAY, "contract_to": today}
    return await town.row("external_org", **{**base, "org_unit_id": unit, "supervisor_id": unit, **values})


async def test_a_delegation_for_single_items_covers_these_alone(town: Town) -> None:
    mother, son = await town.person(), await town.person()
    delegation = await town.delegation(mother, son, item_codes=["community.certificate_request"])
    own = (await town.sessions.open(await town.citizen(son))).actor
    acting = await town.sessions.act(own, Choice(delegation=delegation))
    assert acting.actor.scopes == ("community.certificate_request",)


@pytest.mark.parametrize("why", ["ended", "not begun", "suspended"])
async def test_the_staff_of_a_company_work_while_its_contract_holds(town: Town, why: str) -> None:
    today = datetime.now(CHINA).date()
    company = await town.unit("wuye")
    team = await town.row(
        "org_unit", code="xq1", name="一小区项目部", kind="property_company", path="/640522/wuye/xq1/"
    )
    account = await town.staff(org_unit_id=team)
    contract = await sign(town, company)
    pair = await town.sessions.open(account)
    ended = {
        "ended": {"contract_to": today - DAY},
        "not begun": {"contract_from": today + DAY, "contract_to": today + DAY},
    }
    await town.set("core_external_org", contract, **ended.get(why, {"state": "suspended"}))
    for refused in (town.sessions.refresh(pair.refresh), town.sessions.open(account)):
        with pytest.raises(NotAuthenticatedError, match="合同"):
            await refused
    # Another contract in force is enough.
    await sign(town, team)
    assert (await town.sessions.open(account)).actor.org == team


@dataclass(frozen=True)
class Change:
    entity: str
    id: str


async def test_what_makes_actors_is_watched(town: Town) -> None:
    """Every entity an actor is made of is one whose changes end tokens."""
    assert set(CONCERNED) == {
        "core.staff", "core.post", "core.org_unit", "core.grid_assignment", "core.legal_operator", "core.legal_entity",
        "core.delegation", "core.external_org",
    }  # fmt: skip
    assert set(CONCERNED) <= core_world().entities.keys()


@pytest.mark.parametrize("entity", sorted(CONCERNED))
async def test_a_changed_row_ends_the_access_tokens_made_of_it_and_no_others(town: Town, entity: str) -> None:
    mother, son, unit = await town.person(), await town.person(), await town.unit("mz")
    post = await town.row("post", org_unit_id=unit, code="p1", title="岗", roles=["case_officer"])
    staff = await town.staff(org_unit_id=unit, post_id=post)
    grid = await town.row(
        "grid_assignment", staff_id=staff.staff, grid="640522100203001", duty="worker", since=date.today()
    )
    company = await town.row("legal_entity", uscc="91640522MA76TEA05N", name="海原枸杞", kind="company", state="active")
    operator = await town.row(
        "legal_operator", legal_entity_id=company, person_id=son, kind="operator", since=now() - DAY, state="active"
    )
    contract = await sign(town, unit)
    citizen = await town.citizen(son)
    legal = await town.account("legal", holder=citizen.id, legal_entity=company)
    delegation = await town.delegation(mother, son)
    pairs = {
        name: await town.sessions.open(a) for name, a in {"staff": staff, "legal": legal, "agent": citizen}.items()
    }
    acting = await town.sessions.act(pairs["agent"].actor, Choice(delegation=delegation))
    tokens = {"staff": pairs["staff"].access, "legal": pairs["legal"].access, "agent": acting.access}
    tokens["other staff"] = (await town.sessions.open(await town.staff())).access
    tokens["other citizen"] = (await town.sessions.open(await town.citizen())).access
    rows = {
        "core.staff": (staff.staff, "staff"), "core.post": (post, "staff"), "core.org_unit": (unit, "staff"),
        "core.grid_assignment": (grid, "staff"), "core.legal_operator": (operator, "legal"),
        "core.legal_entity": (company, "legal"), "core.external_org": (contract, "staff"),
        "core.delegation": (delegation, "agent"),
    }  # fmt: skip
    id, concerned = rows[entity]
    facts = Facts(town.database, town.sessions)
    facts.on_commit([Change(entity, str(id)), Change("core.place", str(id))])
    await facts.settle()
    good = set()
    for name, token in tokens.items():
        try:
            town.tokens.verify(token)
            good.add(name)
        except NotAuthenticatedError:
            pass
    assert good == tokens.keys() - {concerned}
