"""A county of a few people on the real application, asked through its API."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import Actor

from core.fields.times import utc_now
from core.host import Host
from core.plugins import discovery
from core.privacy.desk import SERVICE
from core.settings import ROOT
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.tables import table_of
from tests.api.servers import Server, running
from tests.privacy.folders import write_visiting

VILLAGE = "640522100203"
SERVICE_ACTOR = Actor(id="test", kind="system", roles=SERVICE | {"community_worker", "system_admin"}, division=VILLAGE)


@dataclass
class Town:
    """The server, and people by name."""

    server: Server
    folder: Path
    people: dict[str, str] = field(default_factory=dict)
    staff: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> Host:
        return self.server.app.doors.host

    def run(self, function: Any, *args: Any, **named: Any) -> Any:
        """Await something inside the server's loop."""

        async def call() -> Any:
            return await function(*args, **named)

        portal = self.server.client.portal
        assert portal is not None
        return portal.call(call)

    def create(self, key: str, **values: Any) -> str:
        """A row, whatever rules say."""
        generation = self.host.generation
        entity = generation.world.entity(key)
        assert entity is not None
        actor = replace(SERVICE_ACTOR, roles=SERVICE_ACTOR.roles | {"visiting_visitor", "visiting_parent"})
        return str(self.run(generation.writer.create, actor, entity, values).id)

    def insert(self, key: str, **columns: Any) -> str:
        """A row as it lies, for what no role writes."""
        entity = self.host.generation.world.entity(key)
        assert entity is not None
        now, id = utc_now(), uuid7()
        values = {"id": id, "version": 1, "created_at": now, "updated_at": now, "division": VILLAGE, **columns}
        self.run(self.host.database.insert, [Insert(table_of(entity), values)])
        return id

    def person(self, name: str, born: date | None = date(1980, 5, 1), **values: Any) -> str:
        born_text = born.isoformat() if born else None
        given = {"name": name, "sex": "1", "birth_date": born_text, "division": VILLAGE, **values}
        self.people[name] = self.create("core.person", **given)
        return self.people[name]

    def named(self, name: str) -> str:
        """One of the two everybody knows; found again when the database has her already."""
        born, phone = {"马大妈": (date(1950, 3, 2), "13800000001"), "马儿子": (date(1978, 7, 8), "13800000002")}[name]
        found = self.run(self.host.privacy.people.named, name, "phone", phone)
        if found:
            self.people[name] = found[0]
        else:
            self.person(name, born, phone=phone)
        return name

    def citizen(self, name: str, **facts: Any) -> Actor:
        """The person's own account, checked in person."""
        roles = frozenset({"anonymous", "resident"})
        values = {"kind": "citizen", "person": self.people[name], "roles": roles, "real_name": 3, **facts}
        return Actor(id=f"acc-{name.encode().hex()}", **values)

    def clerk(self, name: str, role: str = "window_clerk", person: str | None = None) -> Actor:
        if name not in self.staff:
            org = self.create("core.org_unit", code=f"C{len(self.staff)}", name="政务大厅", kind="department")
            self.staff[name] = self.create(
                "core.staff", account=f"clerk{len(self.staff)}", name=name, org_unit=org, person=person
            )
        roles = frozenset({"anonymous", role})
        return Actor(
            id=f"stf-{name.encode().hex()}",
            kind="staff",
            staff=self.staff[name],
            person=person,
            roles=roles,
            division=VILLAGE,
        )

    @property
    def visitor(self) -> Actor:
        return Actor(
            id="visitor",
            kind="staff",
            roles=frozenset({"anonymous", "visiting_visitor", "visiting_service"}),
            division=VILLAGE,
        )

    def upload(self, actor: Actor, content: bytes = b"%PDF-1.4 signed", name: str = "proof.pdf") -> str:
        answer = self.server.client.post(
            "/files", files={"file": (name, content, "application/pdf")}, headers=self.server.headers(actor)
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.run(self.host.database.fetch, sql, [])]

    def data(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        return self.server.data(query, actor, **variables)

    def code(self, query: str, actor: Actor | None = None, **variables: Any) -> str:
        return self.server.code(query, actor, **variables)


@contextmanager
def opened(
    place: tuple[str, str | None], folder: Path, monkeypatch: pytest.MonkeyPatch, *, visiting: bool = True, **texts: str
) -> Iterator[Town]:
    """The application on a database that may hold rows already; without `visiting`, the plugin's folder is gone."""
    monkeypatch.setattr(discovery, "IN_TREE", ROOT / "manifests" / "core")
    url, schema = place
    manifests = folder / "manifests"
    write_visiting(manifests, **texts)
    if not visiting:
        shutil.rmtree(manifests / "visiting")
    with running(folder, schema=schema, database_url=url, manifests=(manifests,)) as server:
        yield Town(server, manifests)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
def town(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with opened(database_place, tmp_path, monkeypatch) as town:
        town.named("马大妈")
        town.named("马儿子")
        yield town
