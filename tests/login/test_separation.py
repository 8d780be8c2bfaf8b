"""Three administrators who never become one: every way a role could reach an account, tried."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from tongban_sdk import Actor, InvalidInputError, NotAuthenticatedError, NotFoundError, PermissionDeniedError
from tongban_sdk.changes import Change

from core.cli import main
from core.identity.actors import AccountFacts
from core.identity.admins import ADMIN_ROLES, check_rights_change
from core.identity.officers import Unfinished
from core.store.account_tables import ACCOUNT
from tests.api.servers import Server, running
from tests.login.hall import ADDRESS, PASSWORD, Hall

SECURITY = Actor(id="sec", kind="admin", roles=frozenset({"anonymous", "security_admin"}))
KNOWN = frozenset({"unit_head", "grid_worker", "x", "core_service", *ADMIN_ROLES})
SYSTEM = Actor(id="sys", kind="admin", roles=frozenset({"anonymous", "system_admin"}))


def test_an_account_has_one_column_for_it() -> None:
    assert [c.name for c in ACCOUNT.columns if "role" in c.name] == ["admin_role"]
    assert ACCOUNT.column("admin_role").kind == "text"


@pytest.mark.parametrize("role", sorted(ADMIN_ROLES))
@pytest.mark.parametrize("entity", ["core.staff", "core.post"])
def test_no_write_gives_an_administrators_role_to_staff(entity: str, role: str) -> None:
    rows: tuple[tuple[str, dict[str, Any]], ...] = (("create", {}), ("update", {"roles": []}))
    for action, before in rows:
        change = Change(
            entity=entity, id="1", action=action, version=1, actor=SECURITY, before=before,  # type: ignore[arg-type]  # a literal
            after={"roles": ["grid_worker", role]},
        )  # fmt: skip
        with pytest.raises(InvalidInputError) as caught:
            check_rights_change(change, KNOWN)
        assert [p.id for p in caught.value.problems] == ["staff.admin-role"]


@pytest.mark.parametrize("changed", [{"roles": ["x"]}, {"work_division": "640000000000"}, {"post": "p2"}, {}])
def test_nobody_manages_his_own_rights(changed: dict[str, Any]) -> None:
    me = Actor(id="a", kind="staff", staff="s1", roles=frozenset({"anonymous", "unit_head"}))
    before = {"roles": ["unit_head"], "work_division": "640522000000", "post": "p1", "name": "李娜"}
    after = {**before, **changed} if changed else {}
    with pytest.raises(PermissionDeniedError):
        check_rights_change(
            Change(entity="core.staff", id="s1", action="update", version=2, actor=me, before=before, after=after),
            KNOWN,
        )
    check_rights_change(
        Change(entity="core.staff", id="s2", action="update", version=2, actor=me, before=before, after=after),
        KNOWN,
    )
    rename = {**before, "name": "李娜娜"}
    check_rights_change(
        Change(entity="core.staff", id="s1", action="update", version=2, actor=me, before=before, after=rename),
        KNOWN,
    )
    grid = Change(entity="core.grid_assignment", id="g", action="create", version=1, actor=me, after={"staff": "s1"})
    with pytest.raises(PermissionDeniedError):
        check_rights_change(grid, KNOWN)


@pytest.mark.parametrize("entity", ["core.staff", "core.post"])
@pytest.mark.parametrize("role", ["unit_haed", "core_service", "anonymous"])
def test_a_role_nobody_declares_or_may_hold_is_not_granted_and_the_known_ones_are_named(entity: str, role: str) -> None:
    def change(before: dict[str, Any], *roles: str) -> Change:
        action: Any = "update" if before else "create"
        return Change(
            entity=entity, id="1", action=action, version=1, actor=SECURITY, before=before, after={"roles": [*roles]}
        )

    for before in ({}, {"roles": ["unit_head"]}):
        with pytest.raises(InvalidInputError) as caught:
            check_rights_change(change(before, "unit_head", role), KNOWN)
        assert [p.id for p in caught.value.problems] == ["staff.role-unknown"]
        assert caught.value.hint == "可以授予：grid_worker、unit_head、x"
    # A role of an application that has been switched off since stays where it was.
    check_rights_change(change({"roles": [role]}, "unit_head", role), KNOWN)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("separation")) as started:
        yield started


def create(server: Server, key: str, actor: Actor, **values: Any) -> Any:
    """Through the one write pipeline: the door of the API, of imports, of plugins (HostApi) and of jobs."""
    generation = server.app.doors.host.generation
    entity = generation.world.entity(key)
    assert entity is not None
    portal = server.client.portal
    assert portal is not None
    return portal.call(lambda: generation.writer.create(actor, entity, values))


def test_neither_api_nor_plugin_gets_it_written(server: Server) -> None:
    unit = create(server, "core.org_unit", SYSTEM, code="mz", name="民政局", kind="department").id
    post = create(server, "core.post", SYSTEM, org_unit=unit, code="p1", title="股长").id
    grant = "mutation($id: ID!, $r: [String!]) { updateCorePost(id: $id, version: 1, patch: {roles: $r}) { id roles } }"
    schema = server.app.doors.host.generation.graphql
    assert schema.mutation_type is not None
    argument = next(
        name for name in schema.mutation_type.fields["updateCorePost"].args if name not in ("id", "version")
    )
    grant = grant.replace("patch:", f"{argument}:")
    for role in sorted(ADMIN_ROLES):
        answer = server.post(grant, SECURITY, id=post, r=["case_officer", role])
        assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    generation, portal = server.app.doors.host.generation, server.client.portal
    assert portal is not None
    host_api = generation.host_api(SECURITY)
    with pytest.raises(InvalidInputError):
        portal.call(lambda: host_api.update("core.post", post, 1, {"roles": ["audit_admin"]}))
    refused = server.post(grant, SECURITY, id=post, r=["case_oficer"])["errors"][0]["extensions"]
    assert (refused["code"], refused["problems"][0]["id"]) == ("INVALID_INPUT", "staff.role-unknown")
    assert "case_officer" in refused["hint"]
    assert server.data(grant, SECURITY, id=post, r=["case_officer"])["updateCorePost"]["roles"] == ["case_officer"]


def test_accounts_are_no_entities(server: Server) -> None:
    """Neither a manifest nor a plugin's code has a way to the tables of accounts."""
    world = server.app.doors.host.generation.world
    assert not [key for key, entity in world.entities.items() if entity.table.startswith("tb_")]
    host_api = server.app.doors.host.generation.host_api(SYSTEM)
    portal = server.client.portal
    assert portal is not None
    for key in ("tb_account", "core.account", "core.tb_account"):
        with pytest.raises(NotFoundError):
            portal.call(host_api.create, key, {"admin_role": "audit_admin"})


async def test_rows_written_behind_everybodys_back_open_no_door(hall: Hall) -> None:
    """Somebody with the database in her hands still logs in to nothing that joins two powers."""
    staff = await hall.town.staff(roles=["case_officer", "audit_admin"])
    with pytest.raises(NotAuthenticatedError):
        await hall.town.sessions.open(staff)
    both = await hall.town.account("admin", login="both", admin_role="system_admin,audit_admin")
    with pytest.raises(NotAuthenticatedError):
        await hall.town.sessions.open(both)
    with pytest.raises(ValueError, match="one role"):
        hall.town.tokens.mint(Actor(id="x", kind="admin", roles=frozenset({"system_admin", "audit_admin"})))
    worker = await hall.town.admin("system_admin")
    as_staff = AccountFacts(worker.id, "staff", staff=staff.staff, admin_role="system_admin")
    # What counts is the account's row, not what a caller says of it.
    assert (await hall.town.sessions.open(as_staff)).actor.roles == {"anonymous", "system_admin"}


async def test_only_security_administrators_manage_accounts_and_never_their_own(hall: Hall) -> None:
    admins = await hall.admins()
    who = {role: (await hall.officer(admins[role])).actor for role in sorted(ADMIN_ROLES)}
    rooms, staff = hall.login.administration, str((await hall.town.staff()).staff)
    citizen = (await hall.citizen()).actor
    for actor in (who["system_admin"], who["audit_admin"], citizen, Actor()):
        refusal = NotAuthenticatedError if not actor.id else PermissionDeniedError
        for call in (
            rooms.create_staff(actor, staff, "x.y"), rooms.create_admin(actor, "x.y", "audit_admin"),
            rooms.disable(actor, who["security_admin"].id), rooms.enable(actor, who["security_admin"].id),
            rooms.unlock(actor, who["security_admin"].id), rooms.reset_password(actor, who["security_admin"].id),
            rooms.reset_totp(actor, who["security_admin"].id),
        ):  # fmt: skip
            with pytest.raises(refusal):
                await call
    security = who["security_admin"]
    for call in (
        rooms.disable(security, security.id), rooms.enable(security, security.id), rooms.unlock(security, security.id),
        rooms.reset_password(security, security.id), rooms.reset_totp(security, security.id),
    ):  # fmt: skip
        with pytest.raises(PermissionDeniedError, match="自己"):
            await call
    with pytest.raises(InvalidInputError):
        await rooms.create_admin(security, "x.y", "system_admin,audit_admin")
    assert await hall.value("SELECT count(*) FROM tb_account WHERE login = 'x.y'") == 0


async def test_an_account_of_staff_from_its_making_to_its_end(hall: Hall) -> None:
    security = (await hall.officer((await hall.admins())["security_admin"])).actor
    rooms, officers = hall.login.administration, hall.login.officers
    unit = await hall.town.unit("jz")
    row = await hall.town.row(
        "staff", account="ma.li", name="马莉", state="active", roles=["case_officer"], org_unit_id=unit
    )
    made = await rooms.create_staff(security, row, "Ma.Li")
    step = await officers.login("ma.li", made.password, "", ADDRESS)
    assert isinstance(step, Unfinished)
    assert step.needs == ("password", "totp")
    secret, uri = await officers.enrol_totp(step.ticket)
    assert secret in uri
    with pytest.raises(InvalidInputError):
        await officers.confirm_totp(step.ticket, "000000")
    otp = pyotp.TOTP(secret)
    assert await officers.confirm_totp(step.ticket, hall.now(otp)) == ("password",)
    assert await officers.choose_password(step.ticket, PASSWORD) == ()
    hall.clock.move(seconds=60)
    pair = await hall.officer(("ma.li", PASSWORD, otp))
    assert pair.actor.roles == {"anonymous", "case_officer"}
    assert (await rooms.disable(security, made.account.id)).state == "disabled"
    assert await hall.town.sessions.of(made.account.id) == []
    hall.clock.move(days=100)
    assert (await rooms.enable(security, made.account.id)).state == "active"
    again = await rooms.reset_password(security, made.account.id)
    assert (await rooms.reset_totp(security, made.account.id)).totp_sealed is None
    step = await officers.login("ma.li", again.password, "", ADDRESS)
    assert isinstance(step, Unfinished)
    assert step.needs == ("password", "totp")
    lines = [action for action, row in await hall.audit("action", "row_id") if row == made.account.id]
    for action in ("create_staff_account", "disable_account", "enable_account", "reset_password", "reset_totp"):
        assert action in lines


async def test_who_may_not_log_in_gets_no_account(hall: Hall) -> None:
    security = (await hall.officer((await hall.admins())["security_admin"])).actor
    rooms, unit = hall.login.administration, await hall.town.unit("wj")
    for values in ({"state": "left"}, {"roles": ["security_admin"]}):
        base = {"account": "x.y", "name": "某人", "state": "active", "roles": [], "org_unit_id": unit}
        row = await hall.town.row("staff", **{**base, "account": f"a{len(values)}{next(iter(values))[0]}", **values})
        with pytest.raises(InvalidInputError):
            await rooms.create_staff(security, row, "x.y")
    for staff, login in ((security.id, "x.y"), ("no id", "x.y"), (security.id, "X Y"), (security.id, "管理员")):
        with pytest.raises(InvalidInputError):
            await rooms.create_staff(security, staff, login)
    assert await hall.value("SELECT count(*) FROM tb_account") == 3


def test_setup_makes_three_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("TONGBAN_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    three = ["setup", "--system", "wang.wei", "--security", "li.na", "--audit", "ma.jun", "--json"]
    assert main(["setup", "--system", "wang.wei"]) == 1
    assert main(["setup", "--system", "a.b", "--security", "a.b", "--audit", "c.d"]) == 1
    assert main(["setup", "--system", "王", "--security", "li.na", "--audit", "ma.jun"]) == 1
    assert not (tmp_path / "tongban.sqlite3").exists()
    capsys.readouterr()
    assert main(three) == 0
    made = json.loads(capsys.readouterr().out)
    assert [(m["role"], m["login"]) for m in made] == [
        ("system_admin", "wang.wei"), ("security_admin", "li.na"), ("audit_admin", "ma.jun")
    ]  # fmt: skip
    assert len({m["password"] for m in made} | {m["totp"] for m in made}) == 6
    assert main(["setup", "--system", "x1", "--security", "x2", "--audit", "x3"]) == 1
    assert "已有管理员" in capsys.readouterr().err
