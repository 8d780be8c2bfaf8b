"""A small world with everything a file can fill, and an office that imports into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.audit import Audit
from core.crypto import Vault
from core.exchange.importing import Parts, Report, import_rows
from core.fields.choices import Code
from core.manifest.model import CodeItem, CodeSet, World
from core.settings import read_settings
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer
from core.write.events import Check
from tests.worlds import HERE, TOWN, entity, plugin, rule

KINDS = {"10": "居民", "20": "单位", "21": "学校"}
UNIT = entity(
    "test",
    "unit",
    {
        "code": {"type": "string", "title": "编码", "required": True, "unique": True, "level": "L1"},
        "name": {"type": "string", "title": "名称", "required": True, "level": "L1"},
        "parent": {"type": "ref", "title": "上级", "to": "unit"},
        "path": {"type": "path", "title": "路径", "parent": "parent", "segment": "code", "unique": True},
    },
)
PERSON = entity(
    "test",
    "person",
    {
        "idno": {"type": "idno", "title": "证件号", "unique": True, "keyed": True, "level": "L3"},
        "name": {"type": "string", "title": "姓名", "required": True, "max": 20, "level": "L3", "mask": "name"},
        "unit": {"type": "ref", "title": "单位", "to": "unit"},
        "kind": {"type": "code", "title": "类别", "set": "kinds"},
        "state": {"type": "enum", "title": "状态", "values": {"on": "在册", "off": "注销"}, "default": "on"},
        "born": {"type": "date", "title": "出生日期"},
        "seen_at": {"type": "datetime", "title": "登记时间"},
        "is_local": {"type": "boolean", "title": "本地"},
        "rooms": {"type": "integer", "title": "房间数", "min": 0, "max": 99},
        "fee": {"type": "money", "title": "费用"},
        "tags": {"type": "list", "title": "标签", "of": "string"},
        "at": {"type": "point", "title": "位置", "level": "L2"},
        "note": {"type": "text", "title": "备注", "max": 100_000},
        "secret": {"type": "string", "title": "病史", "level": "L4", "purpose": "service"},
        "number": {"type": "sequence", "title": "编号", "format": "NO{seq:6}"},
    },
    unique=(("name", "born"),),
)
RULES = [
    rule("clerk", UNIT, "read create update"),
    rule("clerk", PERSON, "read create update", clear=("name",), number=1),
    rule("local", UNIT, number=2),
    rule("local", PERSON, "read create update", "under(division, me.division)", number=3),
    rule("reader", PERSON, "read", number=4),
    rule("mender", PERSON, "read update", number=5),
]


def _world() -> World:
    kinds = CodeSet("kinds", "类别", "", {c: CodeItem(c, t) for c, t in KINDS.items()}, "test", HERE)
    kind = PERSON.fields["kind"]
    assert isinstance(kind, Code)
    person = replace(PERSON, fields={**PERSON.fields, "kind": replace(kind, codes=dict.fromkeys(KINDS))})
    made = plugin("test", [UNIT, person], RULES, ["clerk", "local", "reader", "mender"])
    return World({"test": replace(made, parts={**made.parts, "codes": {"kinds": kinds}})})


WORLD = _world()
TABLES = ("test_person", "test_unit", "tb_history", "tb_outbox", "tb_audit", "tb_sequence")


def actor(role: str) -> Actor:
    return Actor("u1", "staff", roles=frozenset({"anonymous", role}), division=TOWN)


CLERK, LOCAL, READER, MENDER = (actor(role) for role in ("clerk", "local", "reader", "mender"))


class Office:
    def __init__(self, database: Database, vault: Vault, audit: Audit, folder: Path) -> None:
        self.database, self.vault, self.audit, self.folder = database, vault, audit, folder
        self.access = AccessModel(WORLD)

    def parts(self, check: Check | None = None) -> Parts:
        writer = Writer(self.database, WORLD, self.access, check=check, vault=self.vault, audit=self.audit)
        return Parts(self.database, WORLD, self.access, writer, self.vault)

    def file(self, content: str | bytes, name: str = "rows.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def take(
        self, content: str | bytes, *, entity: str = "test.person", who: Actor = CLERK, key: Sequence[str] = (),
        refuse: Check | None = None, **more: Any,
    ) -> Report:  # fmt: skip
        options: dict[str, Any] = {"max_bytes": 1 << 20, **more}
        path = self.file(content)
        return await import_rows(self.parts(refuse), who, WORLD.entities[entity], path, key=key, **options)

    async def rows(self, columns: str, table: str = "test_person") -> list[tuple[Any, ...]]:
        found = await self.database.fetch(f"SELECT {columns} FROM {table} ORDER BY created_at, id")
        return [tuple(row) for row in found]

    async def counts(self) -> list[int]:
        return [int(await self.database.fetch_value(f"SELECT count(*) FROM {table}")) for table in TABLES]


def places(report: Report) -> list[str]:
    """Where each fault is: "line:column id"."""
    return [f"{fault.line}:{fault.column} {fault.id}" for fault in report.faults]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    await migrate(database, tables_of(WORLD))
    vault = await Vault.of(database, bytes(32), "sm")
    settings = read_settings({"TONGBAN_DATA_DIR": str(tmp_path)})
    return Office(database, vault, await Audit.open(database, vault, "here", settings), tmp_path)
