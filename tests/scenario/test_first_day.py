"""An empty county in production's profile: from `setup` to the first member of staff, through doors production has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import Actor

from core.cli import main
from core.settings import ROOT
from tests.api.servers import Server, running

SYSTEM, SECURITY, AUDIT = (
    Actor(id=role, kind="admin", roles=frozenset({"anonymous", role}))
    for role in ("system_admin", "security_admin", "audit_admin")
)
SETUP = ["setup", "--system", "xi.tong", "--security", "an.quan", "--audit", "shen.ji"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, "prod") as started:
        yield started


def post(server: Server, operation: str, actor: Actor, **variables: Any) -> Any:
    return server.post((ROOT / f"graphql/operations/{operation}.graphql").read_text("utf-8"), actor, **variables)


def ask(server: Server, operation: str, actor: Actor, **variables: Any) -> Any:
    answer = post(server, operation, actor, **variables)
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    return value


def test_trusted_documents_lead_from_nothing_to_the_first_member_of_staff(server: Server) -> None:
    unit = ask(server, "create_org_unit", SYSTEM, input={"code": "gov", "name": "县政府", "kind": "government"})
    below = {"code": "wjw", "name": "卫健局", "kind": "department", "parentId": unit["id"]}
    unit = ask(server, "create_org_unit", SYSTEM, input=below)
    assert unit["path"] == "/gov/wjw/"
    position = {"orgUnitId": unit["id"], "code": "gw", "title": "公卫护士"}
    position = ask(server, "create_post", SYSTEM, input=position)
    nurse = {"account": "hao", "name": "郝护", "orgUnitId": unit["id"]}
    nurse = ask(server, "create_staff", SYSTEM, input=nurse)
    grant = {"id": nurse["id"], "version": nurse["version"], "patch": {"roles": ["doctor"], "postId": position["id"]}}
    refused = post(server, "update_staff", SYSTEM, **grant)["errors"][0]["extensions"]["code"]
    assert refused == "PERMISSION_DENIED"
    assert ask(server, "update_staff", SECURITY, **grant)["roles"] == ["doctor"]
    assert ask(server, "create_staff_account", SECURITY, staff=nurse["id"], login="hao")["account"]["login"] == "hao"
    grid = {"staffId": nurse["id"], "grid": "640522100203001", "since": "2026-01-01"}
    made = ask(server, "create_grid_assignment", SECURITY, input=grid)
    ended = {"id": made["id"], "version": made["version"], "patch": {"until": "2026-06-30"}}
    assert ask(server, "update_grid_assignment", SECURITY, **ended)["until"] == "2026-06-30"
    assert [row["account"] for row in ask(server, "staff_members", AUDIT)["nodes"]] == ["hao"]
    assert [row["title"] for row in ask(server, "posts", AUDIT)["nodes"]] == ["公卫护士"]
    assert [row["grid"] for row in ask(server, "grid_assignments", AUDIT)["nodes"]] == ["640522100203001"]
    assert [row["code"] for row in ask(server, "org_units", SYSTEM)["nodes"]] == ["gov", "wjw"]


def test_administrators_bring_units_and_staff_in_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONGBAN_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.delenv("TONGBAN_PROFILE", raising=False)
    assert main(SETUP) == 0
    (tmp_path / "units.csv").write_text("单位编码,名称,类型,上级单位\ngov,县政府,人民政府,\nwjw,卫健局,政府部门,gov\n")
    (tmp_path / "staff.csv").write_text("账号,姓名,单位\nhao,郝护,wjw\n")
    (tmp_path / "roles.csv").write_text("账号,角色\nhao,doctor\n")

    def bring(entity: str, file: str, who: str, *more: str) -> int:
        return main(["import", entity, str(tmp_path / file), "--as", who, *more])

    assert bring("core.org_unit", "units.csv", "an.quan") == 1
    assert bring("core.org_unit", "units.csv", "xi.tong") == 0
    assert bring("core.staff", "staff.csv", "xi.tong") == 0
    assert bring("core.staff", "roles.csv", "xi.tong", "--key", "账号") == 1
    # Who may only update needs no right to create, when the file brings nothing new.
    assert bring("core.staff", "roles.csv", "an.quan", "--key", "账号") == 0
    capsys.readouterr()
    assert bring("core.staff", "staff.csv", "nobody") == 1
    told = capsys.readouterr().err
    assert told == "错误：没有工作人员或管理员 'nobody'：--as 写 core.staff 的账号，或管理员的账号名\n"
