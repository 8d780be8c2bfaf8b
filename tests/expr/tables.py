"""A small world whose rows point at each other: units, staff, cases, consents, and orders with lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tongban_sdk.actor import ANONYMOUS, Actor

from core.manifest.consents import purposes_of
from core.manifest.model import Entity, Purpose, World
from core.store.database import Database
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.privacy_tables import CONSENT
from core.store.tables import table_of
from tests.worlds import entity, plugin

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ORG_UNIT = entity("core", "org_unit", {"path": {"type": "string", "unique": True}})
PERSON = entity("core", "person", {"birth_date": {"type": "date"}}, subjects=("self",))
STAFF = entity("core", "staff", {"name": {"type": "string"}})
PARTICIPANT = entity(
    "core",
    "case_participant",
    {
        "case_no": {"type": "string"},
        "staff": {"type": "ref", "to": "staff", "inverse": "cases"},
        "since": {"type": "datetime"},
        "until": {"type": "datetime"},
    },
)
LINK = entity(
    "core",
    "guardian_link",
    {
        "guardian": {"type": "ref", "to": "person", "inverse": "wards"},
        "ward": {"type": "ref", "to": "person", "inverse": "guardian_links"},
        "state": {"type": "string"},
        "weight": {"type": "integer"},
    },
)
ORDER = entity(
    "shop",
    "order",
    {
        "case_no": {"type": "string"},
        "owner": {"type": "ref", "to": "core.person"},
        "limit": {"type": "integer"},
        "state": {"type": "string"},
    },
    subjects=("owner",),
    case="case_no",
)
LINE = entity(
    "shop",
    "line",
    {
        "order": {"type": "ref", "to": "order", "inverse": "lines"},
        "count": {"type": "integer"},
        "state": {"type": "string"},
        "done": {"type": "boolean"},
    },
)
CORE = plugin("core", (ORG_UNIT, PERSON, STAFF, PARTICIPANT, LINK), ())
SHOP = plugin("shop", (ORDER, LINE), ())
SHOP.purposes["visit"] = Purpose("visit", "走访", "consent", "P1Y", "上门看望")  # type: ignore[index]  # a dict here
WORLD = World({"core": CORE, "shop": SHOP})
VERSION = purposes_of(SHOP)["shop.visit"].version


def uuid(kind: int, number: int) -> str:
    return f"0193{kind:04x}-0000-7000-8000-{number:012x}"


#: Grown up; fourteen tomorrow; fourteen today; unknown.
BIRTHS = (date(1980, 5, 1), date(2012, 11, 23), date(2012, 11, 22), None)
UNITS = {"/hy/": 1, "/hy/mz/": 2, "/hy/mz/jz/": 3, "/hy/mzx/": 4, "/ty/": 5}
OLD, FAR = NOW - timedelta(days=9), NOW + timedelta(days=9)
ROWS: Sequence[tuple[Entity, dict[str, Any]]] = (
    *((ORG_UNIT, {"id": uuid(1, n), "path": path}) for path, n in UNITS.items()),
    *((PERSON, {"id": uuid(2, n), "birth_date": born}) for n, born in enumerate(BIRTHS)),
    *((STAFF, {"id": uuid(3, n), "name": str(n)}) for n in range(3)),
    (PARTICIPANT, {"id": uuid(4, 0), "case_no": "A1", "staff": uuid(3, 0), "since": OLD}),
    (PARTICIPANT, {"id": uuid(4, 1), "case_no": "A2", "staff": uuid(3, 0), "since": OLD, "until": NOW}),
    (PARTICIPANT, {"id": uuid(4, 2), "case_no": "A3", "staff": uuid(3, 0), "since": FAR}),
    (PARTICIPANT, {"id": uuid(4, 3), "case_no": "A4", "staff": uuid(3, 0), "since": NOW, "until": FAR}),
    (PARTICIPANT, {"id": uuid(4, 4), "case_no": "A5", "staff": uuid(3, 0), "since": OLD, "deleted_at": OLD}),
    (PARTICIPANT, {"id": uuid(4, 5), "case_no": "A6", "staff": uuid(3, 1), "since": OLD}),
    (LINK, {"id": uuid(5, 0), "guardian": uuid(2, 0), "ward": uuid(2, 1), "state": "verified", "weight": 1}),
    (LINK, {"id": uuid(5, 1), "guardian": uuid(2, 2), "ward": uuid(2, 1), "state": None}),
    (LINK, {"id": uuid(5, 2), "guardian": uuid(2, 0), "ward": uuid(2, 3), "state": "verified", "deleted_at": OLD}),
    *(
        (ORDER, {"id": uuid(6, n), "case_no": f"A{n}" if n else None, "owner": owner, "limit": limit, "state": state,
                 "org": org})
        for n, (owner, limit, state, org) in enumerate(
            [
                (None, None, None, None),
                (uuid(2, 1), 3, "open", uuid(1, 1)),
                (uuid(2, 3), 0, "done", uuid(1, 2)),
                (uuid(2, 0), 5, None, uuid(1, 3)),
                (uuid(2, 2), None, "open", uuid(1, 4)),
                (uuid(2, 2), 1, "open", uuid(1, 5)),
                (uuid(2, 2), 1, "open", uuid(1, 99)),
            ]
        )
    ),
    *(
        (LINE, {"id": uuid(7, n), "order": uuid(6, order), "count": count, "state": state, "done": done,
                "deleted_at": OLD if n == 7 else None})
        for n, (order, count, state, done) in enumerate(
            [
                (1, 1, "open", True), (1, None, None, None), (2, 9, "done", False), (2, 0, "open", None),
                (3, 5, None, False), (4, None, None, None), (5, 2, "done", True), (6, 2, "open", True),
            ]
        )
    ),
)  # fmt: skip
ACTORS = (
    ANONYMOUS,
    Actor("u1", "staff", uuid(2, 0), org=uuid(1, 2), org_path="/hy/mz/", staff=uuid(3, 0)),
    Actor("u2", "staff", uuid(2, 2), org=uuid(1, 1), org_path="/hy/", staff=uuid(3, 1)),
)


async def fill(database: Database, version: str = VERSION) -> None:
    """`version` of the words people agreed to."""
    entities = list(dict.fromkeys(entity.key for entity, _ in ROWS))
    await migrate(database, [CONSENT, *(table_of(WORLD.entities[key]) for key in entities)])
    fixed = {"created_at": NOW, "updated_at": NOW, "version": 1}
    await database.insert([Insert(table_of(entity), _columns(entity, row) | fixed) for entity, row in ROWS])
    await database.insert(
        [Insert(CONSENT, {**row, "text_version": row["text_version"] or version}) for row in CONSENTS]
    )


def _columns(entity: Entity, row: dict[str, Any]) -> dict[str, Any]:
    names = {field.name: field.columns()[0].name for field in entity.fields.values()}
    return {names.get(name, name): value for name, value in row.items()}


def _consent(n: int, person: int, action: str, minutes: int, version: str = "") -> dict[str, Any]:
    return {
        "id": uuid(8, n), "person": uuid(2, person), "purpose": "shop.visit", "action": action, "text_version": version,
        "fields": [], "actor": "u", "at": OLD + timedelta(minutes=minutes), "mac": "",
    }  # fmt: skip


#: Person 0 agreed, 1 agreed and took it back, 2 agreed again, 3 agreed to other words.
CONSENTS = (
    _consent(0, 0, "grant", 0),
    _consent(1, 1, "grant", 0),
    _consent(2, 1, "withdraw", 1),
    _consent(3, 2, "grant", 0),
    _consent(4, 2, "withdraw", 1),
    _consent(5, 2, "grant", 1),
    _consent(6, 3, "grant", 0, "older words"),
)
