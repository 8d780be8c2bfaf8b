"""An administrator's role does not come in by a file either: CSV import, demo rows, data sets of plugins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tongban_sdk import Actor

from core.demo.generators import DemoError
from core.demo.load import load_demo
from core.exchange.importing import Parts, import_rows
from core.manifest.model import World
from core.manifest.reader import read_world
from core.settings import ROOT
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from tests.api.servers import running
from tests.identity.town import core_world

#: Nobody has these two; whoever had would get no further.
BOTH = Actor(id="both", kind="admin", roles=frozenset({"anonymous", "system_admin", "security_admin"}))
SYSTEM = Actor(id="sys", kind="admin", roles=frozenset({"anonymous", "system_admin"}))


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    with running(tmp_path / "data") as server:
        host, portal = server.app.doors.host, server.client.portal
        assert portal is not None
        generation = host.generation
        unit, post = generation.world.entities["core.org_unit"], generation.world.entities["core.post"]
        create, parts = (
            generation.writer.create,
            Parts(host.database, generation.world, generation.access, generation.writer, host.vault),
        )
        at = portal.call(lambda: create(SYSTEM, unit, {"code": "mz", "name": "民政局", "kind": "department"})).id
        for code in ("p1", "p2"):
            portal.call(create, SYSTEM, post, {"org_unit": at, "code": code, "title": "股长"})
        for roles, is_written in (("case_officer", True), ("audit_admin", False)):
            file.write_text(f"code,roles\np1,unit_head\np2,{roles}\n", "utf-8")
            report = portal.call(lambda: import_rows(parts, BOTH, post, file, key=("code",), max_bytes=1_000_000))
            assert report.is_written is is_written, report
        assert len(report.faults) == 1
        assert "audit_admin" in str(report.faults[0])
        rows = portal.call(host.database.fetch, "SELECT code, roles FROM core_post ORDER BY code", [])
        assert [(code, str(roles)) for code, roles in rows] == [("p1", '["unit_head"]'), ("p2", '["case_officer"]')]


async def test_demo_rows(database: Database) -> None:
    world = core_world()
    core = world.plugins["core"]
    here = {"division": {"value": "640522000000"}}
    unit = {"code": {"value": "mz"}, "name": {"value": "民政局"}, "kind": {"value": "department"}, **here}
    post = {"code": {"value": "p1"}, "title": {"value": "股长"}, "org_unit": {"from": "up"}, **here,
            "roles": {"value": ["security_admin"]}}  # fmt: skip
    demo = {
        "demo": 1,
        "rows": [
            {"as": "units", "entity": "org_unit", "count": 1, "fields": unit},
            {"as": "posts", "entity": "post", "over": "units", "fields": post},
        ],
    }  # fmt: skip
    made = World({"core": replace(core, parts={**core.parts, "demo": (demo,)})})
    await migrate(database, tables_of(made))
    with pytest.raises(DemoError, match="setup"):
        await load_demo(database, made, county="640522", people=100, seed=1)
    assert await database.fetch_value("SELECT count(*) FROM core_post", []) == 0


def test_data_sets_of_plugins(tmp_path: Path) -> None:
    folder = tmp_path / "sly"
    (folder / "data").mkdir(parents=True)
    (folder / "plugin.yaml").write_text(
        "manifest: 1\nid: sly\ntitle: 某应用\nversion: {name: 0.1.0, code: 1}\nrequires: [core]\n"
        "department: {uscc: 11640522000000000J, name: 某局}\ncase_prefix: SL\ndata_level_max: L2\n"
    )
    (folder / "data" / "staff.yaml").write_text(
        "entity: core.post\nkey: [code]\nrows:\n  - {code: p9, title: 股长, roles: [audit_admin]}\n"
    )
    world, problems = read_world((ROOT / "manifests" / "core", folder))
    assert "data.entity-foreign" in {problem.id for problem in problems}
    assert "sly" not in world.plugins
