"""What a plan knows of the sensitive values its answer will show in clear, and of those that are still sealed in it.

Objects that may show such values carry a hidden key; sealed values stand in the text as marks. Both are made of a word
that only this process knows, so that no text of a user can pass for one of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.fields.base import Field
from core.fields.masks import is_sensitive
from core.manifest.model import Entity

_WORD = secrets.token_hex(8)
#: Key of an object: [number of its spot, row id, "0110", rule, persons it is about …].
SEEN = f"!{_WORD}"
#: Start of a sealed value: mark, number of its opening, ":", row id, ":", sealed text.
MARK = f"{_WORD}!"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the answer. `always` is clear in each of its objects, `sometimes` where the hidden key says "1"."""

    entity: Entity
    always: tuple[Field, ...]
    sometimes: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """How the sealed values of a field become those of the answer."""

    entity: Entity
    field: Field
    #: The value in clear, or its mask.
    masked: bool
    #: The opened value as it was selected: the parts of a point under their response keys.
    select: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class Sight:
    """One root field: what its conditions, order and groups look at, before any object is shown."""

    key: str
    entity: Entity
    #: Fields by label, and the rules that open them.
    asked: dict[str, tuple[Field, Entity, tuple[str, ...]]] = field(default_factory=dict)

    def label(self, entity: Entity, found: Field) -> str:
        """Name of a field as the audit knows it: that of another entity is told in full."""
        return found.name if entity.key == self.entity.key else f"{entity.key}.{found.name}"

    def ask(self, entity: Entity, found: Field, rules: tuple[str, ...]) -> None:
        if is_sensitive(found):
            self.asked[self.label(entity, found)] = (found, entity, rules)


@dataclass(slots=True)
class Sights:
    """Of one statement."""

    roots: list[Sight] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    #: How many values the caller brings along to find fields by that he does not see in clear.
    guesses: int = 0

    def begin(self, key: str, entity: Entity) -> None:
        """From here on the root field `key` is planned."""
        self.roots.append(Sight(key, entity))

    @property
    def current(self) -> Sight:
        return self.roots[-1]

    def is_quiet(self, text: str) -> bool:
        """Nothing sensitive in clear, nothing sealed: the answer leaves as the database made it."""
        return not (self.spots or self.tells) and not (self.openings and MARK in text)

    @property
    def tells(self) -> bool:
        """Conditions, order or groups look at something sensitive, whatever rows there are."""
        return any(root.asked for root in self.roots)

    def add_spot(self, spot: Spot) -> int:
        self.spots.append(spot)
        return len(self.spots) - 1

    def mark(self, opening: Opening, row_id: str, sealed: str) -> str:
        """SQL of the mark of a sealed value; null for null."""
        self.openings.append(opening)
        return f"('{MARK}{len(self.openings) - 1}:' || {row_id} || ':' || {sealed})"
