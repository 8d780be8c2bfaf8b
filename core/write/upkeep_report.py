"""What one run of the upkeep did, and what it could not do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Upkeep:
    #: Rows rewritten, by table.
    rows: Counter[str] = field(default_factory=Counter)
    #: Values that could not be opened, by the id of the key they name; they stay as they are.
    unreadable: Counter[str] = field(default_factory=Counter)
    #: Rows that hold a value another row has, too, by table: somebody must decide.
    left: Counter[str] = field(default_factory=Counter)

    @property
    def troubles(self) -> int:
        return self.unreadable.total() + self.left.total()
