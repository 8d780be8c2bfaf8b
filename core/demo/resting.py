"""Made rows as they go to rest: what is sealed in a county is sealed in a demo, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.access.protection import BIRTH, PERSON
from core.crypto import Vault
from core.demo.row import Row
from core.fields.refs import Ref
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.write.children import is_child_row
from core.write.rest import Rest
from core.write.shape import shape_of
from core.write.values import to_columns


class Resting:
    """Remembers of each made row what leads to the person another one is about."""

    def __init__(self, world: World, vault: Vault | None) -> None:
        self._world, self._vault, self._now = world, vault, utc_now()
        self._steps = _steps(world)
        self._seen: dict[str, dict[str, Any]] = {}

    def see(self, entity: Entity, rows: Iterable[Row]) -> None:
        """All rows are seen before the first goes to rest: a household may come before its head."""
        for name in self._steps.get(entity.key, ()):
            field = entity.fields[name]
            for row in rows:
                value = row.values.get(name)
                self._seen.setdefault(row.values["id"], {})[name] = None if value is None else field.parse(value)

    def columns(self, entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
        """Column values of a made row."""
        row = {**shape_of(entity).blank, **values}
        return to_columns(Rest(self._vault, entity, row["id"], self._is_child(entity, row)), row)

    def _is_child(self, entity: Entity, row: Mapping[str, Any]) -> bool:
        if not shape_of(entity).for_children:
            return False
        if entity.subject_paths == (("id",),):
            return is_child_row(self._world, entity, row, self._now)
        known: dict[str, Any] = {}
        for path in entity.subject_paths:
            known |= self._known(row, path)
        return is_child_row(self._world, entity, known, self._now)

    def _known(self, row: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        """One person, and the date of birth."""
        found, id = row, None
        for name in path:
            id = found.get(name)
            found = self._seen.get(id, {}) if id is not None else {}
        return {".".join(path): id, ".".join((*path, BIRTH)): found.get(BIRTH)}


def _steps(world: World) -> dict[str, set[str]]:
    """By entity: the refs that lead on to a person, and of persons the date of birth."""
    steps: dict[str, set[str]] = {PERSON: {BIRTH}} if PERSON in world.entities else {}
    ways = [(entity, path) for entity in world.entities.values() for path in entity.subject_paths]
    for entity, path in ways:
        target = entity
        for name in path:
            field = target.fields.get(name)
            if not isinstance(field, Ref):
                break
            if target is not entity:
                steps.setdefault(target.key, set()).add(name)
            target = world.entities[field.to]
    return steps
