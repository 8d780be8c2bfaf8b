"""Names of units, staff, roles and states, looked up together for what is about to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.manifest.cases import APPLICANT, ASSIGNEE, SYSTEM_ROLE
from core.manifest.model import World
from core.privacy.rows import Lying

#: Who is no role of a manifest.
PSEUDO: Mapping[str, str] = {APPLICANT: "申请人", ASSIGNEE: "经办人", SYSTEM_ROLE: "系统", "staff": "工作人员"}


@dataclass(frozen=True, slots=True)
class Names:
    """What nobody is called any more is ""."""

    world: World
    units: Mapping[str, str]
    staff: Mapping[str, str]

    def unit(self, id: str | None) -> str:
        return self.units.get(id or "", "")

    def person(self, id: str | None) -> str | None:
        """Of somebody on the staff."""
        return self.staff.get(id) if id else None

    def role(self, id: str) -> str:
        found = self.world.roles.get(id)
        return PSEUDO.get(id) or (found.title if found else id)


async def names_of(context: Any, units: Iterable[str | None] = (), staff: Iterable[str | None] = ()) -> Names:
    lying, world = Lying(context.host.database, context.host.vault), context.generation.world
    return Names(
        world, await _names(lying, world, "core.org_unit", units), await _names(lying, world, "core.staff", staff)
    )


async def _names(lying: Lying, world: World, key: str, ids: Iterable[str | None]) -> dict[str, str]:
    wanted, entity = sorted({id for id in ids if id}), world.entity(key)
    if not wanted or entity is None:
        return {}
    values: dict[str, Any] = {f"id{number}": id for number, id in enumerate(wanted)}
    marks = ", ".join(f"{{{name}:id}}" for name in values)
    rows = await lying.rows(entity, f"id IN ({marks})", deleted=True, **values)
    return {row["id"]: row["name"] for row in rows}
