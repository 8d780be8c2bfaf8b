"""A county office on a real host: a few citizens, staff of three roles, and the plugin of folders.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.cases import Case, Cases, Task
from core.host import Host, open_host
from core.plugins import discovery
from core.settings import ROOT, read_settings
from tests.cases.folders import write_works

COUNTY, TOWN, VILLAGE, ELSEWHERE = "640522000000", "640522100000", "640522100203", "640522101201"
MAKER = Actor(
    id="test", kind="system", division=VILLAGE,
    roles=frozenset({"anonymous", "core_service", "system_admin", "community_worker"}),
)  # fmt: skip
GRANTER = replace(MAKER, kind="admin", roles=frozenset({"anonymous", "security_admin"}))


@dataclass
class Office:
    """A host, and people by name as they are logged in."""

    host: Host
    people: dict[str, Actor] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> Cases:
        return self.host.cases

    def __getitem__(self, name: str) -> Actor:
        return self.people[name]

    async def create(self, key: str, **values: Any) -> str:
        generation = self.host.generation
        written = await generation.writer.create(MAKER, generation.world.entities[key], values)
        return written.id

    async def citizen(self, name: str, **more: Any) -> Actor:
        facts = {"name": name, "sex": "1", "birth_date": "1980-05-01", "division": VILLAGE}
        person = await self.create("core.person", **facts, **more)
        roles = frozenset({"anonymous", "resident"})
        self.people[name] = Actor(f"acc-{len(self.people)}", "citizen", person, roles, real_name=3)
        return self.people[name]

    async def unit(self, name: str) -> str:
        if name not in self.units:
            self.units[name] = await self.create(
                "core.org_unit", code=f"U{len(self.units)}", name=name, kind="department"
            )
        return self.units[name]

    async def member(
        self, name: str, role: str, division: str = COUNTY, unit: str = "市政局", person: str | None = None
    ) -> Actor:
        """One of the staff, and how he looks when logged in."""
        org, number = await self.unit(unit), len(self.people)
        known = {"person": person} if person else {}
        staff = await self.create("core.staff", account=f"staff{number}", name=name, org_unit=org, **known)
        generation, duties = self.host.generation, {"roles": [role], "work_division": division}
        await generation.writer.update(GRANTER, generation.world.entities["core.staff"], staff, 1, duties)
        self.people[name] = Actor(
            f"stf-{number}", "staff", person, frozenset({"anonymous", role}), org=org, org_path=f"/U{number}/",
            division=division, staff=staff,
        )  # fmt: skip
        return self.people[name]

    async def report(self, who: str = "马大妈", service: str = "repair", **values: Any) -> Case:
        given = {"kind": "cover", "note": "井盖碎了", **values}
        return await self.cases.submit(self[who], f"works.{service}", given)

    async def act(self, who: str, case: Case, action: str, reason: str = "", **values: Any) -> Case:
        """In the version the case has now."""
        now = await self.cases.get(self[who], case.number)
        return await self.cases.act(self[who], case.number, action, version=now.version, values=values, reason=reason)

    async def task(self, who: str, case: Case, part: str = "") -> Task:
        """The live task of a case (of a part of it)."""
        found = [task for task in await self.cases.tasks(self[who], case.number) if task.part == part]
        assert len(found) == 1, found
        return found[0]

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.host.database.fetch(sql, [])]

    async def count(self, *tables: str) -> list[int]:
        return [int((await self.fetch(f"SELECT count(*) FROM {table}"))[0][0]) for table in tables]


@asynccontextmanager
async def opened(
    place: tuple[str, str | None], folder: Path, monkeypatch: pytest.MonkeyPatch, **texts: str
) -> AsyncIterator[Office]:
    monkeypatch.setattr(discovery, "IN_TREE", ROOT / "manifests" / "core")
    write_works(folder / "manifests", **texts)
    url, schema = place
    settings = read_settings({
        "TONGBAN_DATA_DIR": str(folder), "TONGBAN_DATABASE_URL": url, "TONGBAN_MANIFESTS": str(folder / "manifests"),
        "TONGBAN_POOL_MAX": "8",
    })  # fmt: skip
    async with open_host(settings, schema=schema) as host:
        assert host.registry.statuses()["works"].state == "on", host.registry.statuses()["works"].reason
        yield Office(host)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    async with opened(database_place, tmp_path, monkeypatch) as office:
        for name in ("马大妈", "王大爷"):
            await office.citizen(name)
        await office.member("派遣员", "works_desk")
        await office.member("负责人", "works_chief")
        await office.member("甲", "works_crew", VILLAGE)
        await office.member("乙", "works_crew", TOWN)
        await office.member("丙", "works_crew", ELSEWHERE, "供排水公司")
        yield office
