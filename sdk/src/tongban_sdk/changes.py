"""What happened, or is about to happen, to one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tongban_sdk.actor import ANONYMOUS, Actor

ChangeAction = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one row. Values are those of the API's JSON: dates and decimals are text, a reference is an id."""

    #: Entity key, "reading_room.seat".
    entity: str
    #: Row id, UUIDv7.
    id: str
    action: ChangeAction
    #: Version after the change, from 1.
    version: int
    #: Division of the row, 12 digits, or "".
    division: str = ""
    #: Who changes; in `on_changed` only the id is known.
    actor: Actor = ANONYMOUS
    #: Values before, by field name; empty on create, and in `on_changed`.
    before: Mapping[str, Any] = field(default_factory=dict)
    #: Values after, by field name; empty on delete, and in `on_changed`.
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plugin_id(self) -> str:
        """The plugin that owns the entity."""
        return self.entity.partition(".")[0]
