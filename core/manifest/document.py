"""One YAML file in memory: its value, and where every part of it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tongban_sdk.problems import Place

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value with its place. An alias shares the node of its anchor: nothing is expanded."""

    value: Any
    line: int
    column: int
    #: Values inside when every alias is written out; long texts count more.
    weight: int
    #: By key or position; empty for scalars.
    children: dict[str | int, Node] = field(default_factory=dict)
    #: Places of the keys of a mapping.
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read. `name` is its path inside the plugin's folder, with "/"."""

    name: str
    #: Path as shown to people.
    file: str
    root: Node
    #: Entries that do not fit the schema: ("fields", "phone").
    dropped: set[tuple[str, str | int]] = field(default_factory=set)

    @property
    def value(self) -> Any:
        return self.root.value

    @property
    def stem(self) -> str:
        return self.name.rpartition("/")[2].rpartition(".")[0]

    def entries(self, key: str) -> list[tuple[Any, Any]]:
        """Names or positions and values of one part, without what `drop` took out."""
        part = self.value.get(key, {})
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        return [(step, value) for step, value in pairs if (key, step) not in self.dropped]

    def drop(self, key: str, step: str | int) -> None:
        """Leave out an entry that does not fit; the rest of the document can still be understood."""
        self.dropped.add((key, step))

    def place(self, *path: str | int) -> Place:
        """Where the value at a path stands; the nearest part that exists when it does not."""
        node = self._walk(path)
        return Place(self.file, node.line, node.column)

    def key_place(self, *path: str | int) -> Place:
        """Where the last key of a path stands."""
        parent = self._walk(path[:-1])
        if path and path[-1] in parent.keys:
            return Place(self.file, *parent.keys[str(path[-1])])
        return self.place(*path)

    def _walk(self, path: Path) -> Node:
        node = self.root
        for step in path:
            if step not in node.children:
                break
            node = node.children[step]
        return node

    def key_paths(self) -> Iterator[Path]:
        """The path of every key, each shared node once."""
        seen: set[int] = set()
        waiting: list[tuple[Path, Node]] = [((), self.root)]
        while waiting:
            path, node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield from ((*path, key) for key in node.keys)
            waiting += (((*path, step), child) for step, child in node.children.items())
