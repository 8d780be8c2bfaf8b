"""A clinic: rows of every kind about grown-ups and children, their keys and a writer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.crypto import Vault
from core.crypto.keys import Use
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.crypto_tables import KEY
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from core.write import Writer
from core.write.upkeep import keep_up
from core.write.values import Row, from_columns
from tests.worlds import entity, plugin, rule

PERSON = entity(
    "core",
    "person",
    {
        "name": {"type": "string", "level": "L3", "required": True},
        "idno": {"type": "idno", "level": "L3", "keyed": True, "unique": True},
        "birth_date": {"type": "date", "level": "L2"},
    },
    subjects=("self",),
)
#: One field of every kind, all L4; `note` is L3 and sealed for children, `state` is a work key.
KINDS: Mapping[str, tuple[Mapping[str, Any], Any, Any]] = {
    "a_text": ({"type": "text"}, "发热三天\n服药", "发热三天\n服药"),
    "a_phone": ({"type": "phone"}, "13800000001", "13800000001"),
    "a_list": ({"type": "list", "of": "string"}, ["甲", "乙"], ["甲", "乙"]),
    "a_json": ({"type": "json"}, {"k": [1, None]}, {"k": [1, None]}),
    "a_date": ({"type": "date"}, "2026-11-22", date(2026, 11, 22)),
    "an_int": ({"type": "integer"}, -7, -7),
    "a_decimal": ({"type": "decimal", "precision": 8, "scale": 2}, "12.30", Decimal("12.30")),
    "a_bool": ({"type": "boolean"}, False, False),
    "a_time": ({"type": "time"}, "08:30", None),
    "a_point": ({"type": "point"}, {"lng": 105.6, "lat": 36.5, "crs": "CGCS2000"}, (1056000000, 365000000)),
    "an_enum": ({"type": "enum", "values": {"ill": "病", "well": "好"}}, "ill", "ill"),
}
VISIT_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "who": {"type": "ref", "to": "core.person"},
    "state": {"type": "string", "level": "L2", "index": True},
    "note": {"type": "string", "level": "L3"},
    **{name: {**spec, "level": "L4"} for name, (spec, _, _) in KINDS.items()},
}
VISIT = entity("clinic", "visit", VISIT_FIELDS, subjects=("who",))
#: The same kinds, all L3: sealed in rows about children, in columns of their own unless they are texts.
LOOK_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "who": {"type": "ref", "to": "core.person"},
    "a_number": {"type": "integer", "level": "L3", "keyed": True},
    "a_sum": {"type": "computed", "as": "integer", "expr": "an_int * 2", "stored": True, "level": "L3"},
    "a_walk": {"type": "computed", "as": "date", "expr": "who.birth_date", "stored": True, "level": "L2"},
    **{name: {**spec, "level": "L3"} for name, (spec, _, _) in KINDS.items()},
}
LOOK = entity("clinic", "look", LOOK_FIELDS, subjects=("who",))
CLERK = Actor(id="c1", kind="staff", roles=frozenset({"clerk"}), division="640522100000")
IDNO = "110101199003070054"


def world(visit: Entity = VISIT, person: Entity = PERSON, look: Entity = LOOK) -> World:
    rules = [rule("clerk", e, "create update delete read", clear="*") for e in (person, visit, look)]
    core = plugin("core", [person], rules[:1], ["clerk"])
    return World({"core": core, "clinic": plugin("clinic", [visit, look], rules[1:])})


class Clinic:
    """A database, its keys and a writer."""

    def __init__(self, database: Database, vault: Vault, made: World) -> None:
        self.database, self.vault, self.world = database, vault, made
        self.writer = Writer(database, made, AccessModel(made), vault=vault)

    @property
    def visit(self) -> Entity:
        return self.world.entities["clinic.visit"]

    @property
    def look(self) -> Entity:
        return self.world.entities["clinic.look"]

    @property
    def person(self) -> Entity:
        return self.world.entities["core.person"]

    async def child(self, years: int = 13, **more: Any) -> str:
        today = utc_now() + timedelta(hours=8)
        born = today.date().replace(year=today.year - years, day=1)
        values = {"name": "王小明", "birth_date": born.isoformat(), **more}
        return (await self.writer.create(CLERK, self.person, values)).id

    async def raw(self, entity: Entity, id: str) -> dict[str, Any]:
        names = [column.name for column in table_of(entity).columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        row = (await self.database.fetch(f"SELECT {quoted} FROM {entity.table} WHERE id = '{id}'", []))[0]
        return dict(zip(names, row, strict=True))

    async def row(self, entity: Entity, id: str) -> Row:
        return from_columns(self.database.dialect, entity, await self.raw(entity, id), self.vault)

    async def keep_up(self, **options: bool) -> Any:
        return await keep_up(self.database, self.vault, self.world, list(self.world.entities.values()), **options)

    async def turned_into(self, made: World) -> Clinic:
        """The same database under changed manifests, as a start makes it."""
        await migrate(self.database, tables_of(made))
        changed = Clinic(self.database, self.vault, made)
        await changed.keep_up(only_new=True)
        return changed

    async def rotate(self, use: Use) -> None:
        """A rotation whose waiting time is over."""
        await self.vault.rotate(use)
        async with self.database.transaction() as tx:
            await tx.execute(f"UPDATE {KEY.name} SET active_at = made_at")
        self.vault = await Vault.of(self.database, bytes(32), self.vault.profile)
        self.writer = Writer(self.database, self.world, AccessModel(self.world), vault=self.vault)

    async def dump(self) -> str:
        """Every cell of every table."""
        cells = []
        for table in [*ENGINE_TABLES, *(table_of(e) for e in self.world.entities.values())]:
            cells += [str(cell) for row in await self.database.fetch(f"SELECT * FROM {table.name}", []) for cell in row]
        return "\n".join(cells)


VALUES = {name: given for name, (_, given, _) in KINDS.items()}
