"""A problem is one finding of a check: a value, a place, what to do. It is data, not an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value stands: file as shown to people, line and column from 1 (0 = the whole file)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of `python server.py check`."""

    #: Stable id, documented in docs/problems.md, e.g. "entity.ref-unknown".
    id: str
    #: "error" stops the plugin, "warning" does not.
    level: Level
    place: Place
    #: What is wrong, with the value, in Chinese.
    message: str
    #: What to do about it, in Chinese.
    hint: str = ""

    def __str__(self) -> str:
        hint = f"  提示：{self.hint}" if self.hint else ""
        return f"{self.place} {self.level} {self.id}  {self.message}{hint}"

    def to_json(self) -> dict[str, str | int]:
        return {
            "id": self.id,
            "level": self.level,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "hint": self.hint,
        }
