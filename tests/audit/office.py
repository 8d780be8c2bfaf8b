"""A running server with a small plugin: rows of its own, mutations in Python, citizens whose rows they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import Actor

from core.plugins import discovery
from tests.api.servers import Server, running

PERSON = "01890000-0000-7000-8000-000000000001"
CLERK = Actor("clerk", "staff", roles=frozenset({"anonymous", "desk_clerk", "street_admin"}), division="640522100000")
READER = Actor("reader", "staff", roles=frozenset({"anonymous", "desk_reader"}))
OPERATOR = Actor("op", "admin", roles=frozenset({"anonymous", "system_admin"}))
AUDITOR = Actor("aud", "admin", roles=frozenset({"anonymous", "audit_admin"}))
NEPHEW = Actor(
    "nephew", "citizen", PERSON, frozenset({"anonymous", "desk_clerk"}), agent=PERSON[:-1] + "2", delegation=PERSON,
    scopes=("desk",),
)  # fmt: skip
PLUGIN = """
manifest: 1
id: desk
title: 台账
description: 测试
version: {name: 1.0.0, code: 1}
department: {uscc: 11640522000000000J, name: 测试}
case_prefix: DK
data_level_max: L2
roles:
  desk_clerk: {title: 窗口}
  desk_reader: {title: 只读}
  desk_service: {title: 后台}
entry: desk_part:Plugin
"""
ENTITY = """
entity: note
title: 记事
subject: person
fields:
  title: {type: string, title: 标题, max: 50, level: L1, required: true, unique: true}
  person: {type: ref, to: core.person, title: 当事人, level: L1}
  earlier: {type: ref, to: note, title: 前一条, level: L1, on_delete: set_null}
"""
RULES = """
rules:
  - {role: desk_clerk, entity: note, can: [read, create, update, delete]}
  - {role: desk_reader, entity: note, can: [read]}
  - {role: desk_service, entity: note, can: [read, create]}
"""
PYTHON = """
import asyncio
import strawberry
from tongban_sdk import ConflictError, GraphqlTypes, hookimpl, host_of

@strawberry.type
class Mutation:
    @strawberry.mutation
    async def deskPlain(self, text: str) -> str:
        return "done"
    @strawberry.mutation
    def deskRefused(self, text: str) -> str:
        raise ConflictError("不行")
    @strawberry.mutation
    async def deskCrash(self, text: str) -> str:
        raise ValueError(text)
    @strawberry.mutation
    async def deskWrite(self, info: strawberry.Info, title: str) -> str:
        return (await host_of(info).create("desk.note", {"title": title}))["id"]

@strawberry.type
class Query:
    @strawberry.field
    def desk_crash_on_read(self, text: str) -> str:
        raise RuntimeError(text)

class Plugin:
    @hookimpl
    def graphql_types(self):
        return GraphqlTypes(query=Query, mutation=Mutation)
"""
CREATE = """mutation C($input: DeskNoteInput!, $key: String) {
  made: createDeskNote(input: $input, idempotencyKey: $key) { id version }
}"""


class Office:
    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def host(self) -> Any:
        return self.server.app.doors.host

    def call(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run a coroutine function in the server's loop."""
        portal = self.server.client.portal
        assert portal is not None
        return portal.call(work, *arguments)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.call(self.host.database.fetch, sql, [])]

    def run(self, *texts: str) -> None:
        async def work() -> None:
            async with self.host.database.transaction() as tx:
                for text in texts:
                    await tx.execute(text)

        self.call(work)

    def lines(self, columns: str = "actor, action, entity, result") -> list[tuple[Any, ...]]:
        """Audit lines, oldest first; reading them is left out."""
        sql = f"SELECT {columns} FROM tb_audit WHERE action <> 'read' ORDER BY at, lane, number"
        return self.fetch(sql)

    def make(self, title: str, **more: Any) -> Any:
        """What a creation that succeeds answers."""
        answer = self.create(title, **more)
        assert "errors" not in answer, answer
        return answer["data"]["made"]

    def create(self, title: Any, who: Actor | None = CLERK, **more: Any) -> Mapping[str, Any]:
        key = more.pop("key", None)
        answer: Mapping[str, Any] = self.server.post(CREATE, who, input={"title": title, **more}, key=key)
        return answer


def code_of(answer: Mapping[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


def write_plugin(folder: Path) -> None:
    """Manifests in `manifests/desk`, Python beside them."""
    manifests = folder / "manifests" / "desk"
    (manifests / "entities").mkdir(parents=True, exist_ok=True)
    (manifests / "plugin.yaml").write_text(PLUGIN.lstrip(), "utf-8")
    (manifests / "entities" / "note.yaml").write_text(ENTITY.lstrip(), "utf-8")
    (manifests / "access.yaml").write_text(RULES.lstrip(), "utf-8")
    (folder / "desk_part.py").write_text(PYTHON, "utf-8")


@contextmanager
def open_office(
    folder: Path, place: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch, profile: Any = "dev"
) -> Iterator[Office]:
    write_plugin(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(discovery, "IN_TREE", discovery.IN_TREE / "core")
    url, schema = place
    more: dict[str, Any] = {"manifests": (folder / "manifests",), "database_url": url, "schema": schema}
    with running(folder / "data", profile, **more) as server:
        office = Office(server)
        states = office.host.registry.statuses()
        assert states["desk"].state == "on", [s.reason for s in states.values()]
        now = "'2026-01-01T00:00:00.000Z'"
        office.run(
            "INSERT INTO core_person (id, created_at, updated_at, version, name, division) "
            f"VALUES ('{PERSON}', {now}, {now}, 1, '马', '640522100000')"
        )
        yield office
    sys.modules.pop("desk_part", None)
