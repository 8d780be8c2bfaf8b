"""A town for the matrix: a few rows of every entity the manifests declare, in clusters that belong together.

own   the caller's person, unit, grid and division
near  somebody else of the same county, another township
far   another county
child a child of the caller's own division, unit and grid
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from core.crypto import Vault
from core.fields import all_fields
from core.fields.column import Table
from core.fields.made import Computed
from core.fields.tree import Path
from core.manifest.model import Entity, World
from core.store.database import Database, Insert
from core.store.json_values import to_json
from core.store.migrate import migrate
from core.store.privacy_tables import CONSENT
from core.store.tables import table_of, tables_of
from core.write.rest import Rest
from core.write.values import to_columns

NOW = datetime.now(UTC)
VARIANTS = 2
#: Fourteen in two days, on the county's clock; not tomorrow, lest midnight pass while the matrix runs.
_BIRTHDAY = (NOW + timedelta(hours=8, days=2)).date()
_FOURTEEN_SOON = _BIRTHDAY.replace(year=_BIRTHDAY.year - 14, day=min(_BIRTHDAY.day, 28))


@dataclass(frozen=True)
class Cluster:
    name: str
    number: int
    division: str
    org_path: str
    birth: date
    account: str

    @property
    def grid(self) -> str:
        return f"{self.division}00{self.number}"


CLUSTERS = (
    Cluster("own", 1, "640522100203", "/640522/a/", date(1960, 5, 1), "u-me"),
    Cluster("near", 2, "640522101201", "/640522/b/", date(1985, 2, 28), "u-else"),
    Cluster("far", 3, "640521100001", "/640521/a/", date(1990, 1, 1), "u-else"),
    Cluster("child", 4, "640522100203", "/640522/a/c/", _FOURTEEN_SOON, "u-else"),
)
OWN = CLUSTERS[0]
_TEXTS: Mapping[str, str] = {
    "idno": "64222219600501{n:03d}X", "phone": "138{n:08d}", "plate": "宁E{n:05d}", "uscc": "91640522MA{n:08d}",
}  # fmt: skip


def uid(entity: int, cluster: Cluster, variant: int) -> str:
    return f"01930000-0000-7000-8{entity:03x}-{cluster.number:04x}{variant:08x}"


@dataclass(frozen=True)
class Town:
    world: World
    #: Canonical values by entity key, id and field name.
    rows: Mapping[str, Mapping[str, dict[str, Any]]]

    def printed(self) -> dict[str, dict[str, dict[str, Any]]]:
        return {
            key: {id: {name: to_json(value) for name, value in row.items()} for id, row in some.items()}
            for key, some in self.rows.items()
        }

    def id(self, entity: str, cluster: Cluster = OWN, variant: int = 0) -> str:
        return uid(list(self.world.entities).index(entity), cluster, variant)


def build_town(world: World) -> Town:
    numbers = {key: i for i, key in enumerate(world.entities)}
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for key, entity in world.entities.items():
        made = (_row(world, entity, numbers, cluster, variant) for cluster in CLUSTERS for variant in range(VARIANTS))
        rows[key] = {row["id"]: row for row in made}
    return Town(world, rows)


def _row(world: World, entity: Entity, numbers: Mapping[str, int], cluster: Cluster, variant: int) -> dict[str, Any]:
    n = cluster.number * 10 + variant
    at = datetime(2026, 3, cluster.number, 6, variant, tzinfo=UTC)
    row: dict[str, Any] = {
        "id": uid(numbers[entity.key], cluster, variant), "division": cluster.division,
        "org": uid(numbers["core.org_unit"], cluster, 0), "created_at": at, "created_by": cluster.account,
        "updated_at": at, "updated_by": cluster.account, "version": 1 + variant,
    }  # fmt: skip
    for name, field in entity.fields.items():
        if not isinstance(field, Computed):
            row[name] = _value(world, entity, name, numbers, cluster, variant, n)
    for name, field in entity.fields.items():
        if isinstance(field, Computed):
            row[name] = field.evaluate(row, {}, NOW)
    return row


def _value(
    world: World, entity: Entity, name: str, numbers: Mapping[str, int], cluster: Cluster, variant: int, n: int
) -> Any:
    field: Any = entity.fields[name]
    if (entity.key, name) == ("core.person", "birth_date"):
        return cluster.birth
    if isinstance(field, Path):
        return cluster.org_path
    if name == entity.case:
        return _case_no(entity, cluster, variant)
    if (entity.key, name) == ("core.case_participant", "since"):
        return datetime(2026, 1, 1, tzinfo=UTC)
    match field.type:
        case "ref" | "file":
            if cluster is OWN and variant == 1 and name in [path[0] for path in entity.subject_paths[1:]]:
                # The first person is grown up, the second is a child.
                return uid(numbers[field.to], CLUSTERS[3], 0)
            # The second row of a cluster belongs to the same people and places as the first.
            return uid(numbers[getattr(field, "to", "core.file")], cluster, 0)
        case "division":
            return cluster.division
        case "grid":
            return cluster.grid
        case "idno" | "phone" | "plate" | "uscc":
            return _TEXTS[field.type].format(n=n + 100 * numbers[entity.key])
        case "enum":
            return list(field.values)[(variant * 2 + cluster.number) % len(field.values)]
        case "boolean":
            return variant == 0
        case "integer":
            return 1 + n
        case "decimal" | "money":
            return Decimal(n).scaleb(-field.columns()[0].scale)
        case "date":
            return date(2026, 1 + variant, cluster.number)
        case "datetime":
            return datetime(2026 + variant, 12, cluster.number, 1, 2, 3, tzinfo=UTC)
        case "time":
            return time(8 + variant, cluster.number)
        case "list":
            items = list(field.values or ("甲", "乙"))
            return [n] if field.of == "integer" else items[: 1 + variant]
        case "json":
            return {"n": n}
        case "point":
            return (1055000000 + n, 365000000 - n)
        case "polygon":
            return {"type": "Polygon", "coordinates": [[[105.5, 36.5], [105.6, 36.5], [105.6, 36.6], [105.5, 36.5]]]}
        case _:
            return f"{entity.name[:8]}{name[:6]}{n}号楼"


def _is_about_child(entity: Entity, row: Mapping[str, Any]) -> bool:
    """Whatever refs of the child's cluster name belongs to the child."""
    named = [row[path[0]] for path in entity.subject_paths]
    return any(id is not None and id.split("-")[4].startswith("0004") for id in named)


def _case_no(entity: Entity, cluster: Cluster, variant: int) -> str:
    """Alike in every entity; the caller's second participation is in somebody else's case."""
    if entity.key == "core.case_participant" and cluster is OWN and variant == 1:
        cluster, variant = CLUSTERS[1], 0
    return f"CASE{cluster.number}{variant}"


async def fill(database: Database, town: Town, vault: Vault, granted: list[tuple[str, str]]) -> None:
    """Rows as the writer would have left them: sealed where they must be."""
    await migrate(database, [_lax(table) for table in tables_of(town.world)])
    inserts: list[Insert] = []
    for key, rows in town.rows.items():
        entity = town.world.entities[key]
        for row in rows.values():
            stored = {name: row.get(name) for name in all_fields(entity)}
            rest = Rest(vault, entity, row["id"], is_child=_is_about_child(entity, row))
            inserts.append(Insert(table_of(entity), to_columns(rest, stored) | {"deleted_at": None}))
    for number, (person, purpose) in enumerate(granted):
        inserts.append(Insert(CONSENT, _consent(number, person, purpose)))
    for start in range(0, len(inserts), 20):
        await database.insert(inserts[start : start + 20])


def _lax(table: Table) -> Table:
    """Two rows of a cluster may be alike where the county would not have them so."""
    return replace(table, indexes=tuple(replace(index, unique=False) for index in table.indexes))


def _consent(number: int, person: str, purpose: str) -> dict[str, Any]:
    return {
        "id": f"01930000-0000-7000-8fff-{number:012x}", "person": person, "purpose": purpose, "action": "grant",
        "text_version": "1", "fields": [], "actor": "u-me", "guardian": None, "at": NOW, "mac": "",
    }  # fmt: skip
