"""A synthetic row while it is being made, and the paths that read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Row:
    """Values as a client would send them; refs are kept as rows too, so that paths can walk."""

    #: The row of the group this block goes over.
    up: Row | None
    values: dict[str, Any]
    links: dict[str, Row] = field(default_factory=dict)

    def put(self, name: str, value: Any) -> None:
        if isinstance(value, Row):
            self.links[name] = value
            value = value.values["id"]
        self.values[name] = value

    def step(self, name: str) -> Any:
        """A value, the row a ref points at, or the row above; None when there is none."""
        if name == "up":
            return self.up
        return self.links[name] if name in self.links else self.values.get(name)


def read(row: Row, path: tuple[str, ...]) -> Any:
    found: Any = row
    for name in path:
        if not isinstance(found, Row):
            return None
        found = found.step(name)
    return found


def plain(value: Any) -> Hashable:
    """A value that can be compared and looked up."""
    found: Hashable = value.values["id"] if isinstance(value, Row) else value
    return found


class Group:
    """The rows of one block, findable by values."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._indexes: dict[tuple[str, ...], Mapping[tuple[Hashable, ...], list[Row]]] = {}

    def matching(self, paths: tuple[str, ...], values: tuple[Hashable, ...]) -> list[Row]:
        if not paths:
            return self.rows
        if paths not in self._indexes:
            index: dict[tuple[Hashable, ...], list[Row]] = defaultdict(list)
            for row in self.rows:
                index[tuple(plain(read(row, tuple(path.split(".")))) for path in paths)].append(row)
            self._indexes[paths] = dict(index)
        return self._indexes[paths].get(values, [])
