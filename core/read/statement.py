"""One SQL statement in the making: parameters, aliases, and the slots its variables fill at each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.fields.column import Column
from core.manifest.model import World
from core.read.json_sql import JsonSql, json_sql
from core.read.selection import Leaf
from core.store.dialect import Dialect, literal
from core.store.sql import Arg, Const, Params

Convert = Callable[[Any], Any]
#: How a slot's value is read from the variables, and how it becomes canonical.
Slot = tuple[Callable[[Mapping[str, Any]], Any], Convert]


@dataclass(slots=True)
class Statement:
    """Shared by all parts of one operation."""

    dialect: Dialect
    world: World
    params: Params
    json: JsonSql
    slots: dict[str, Slot]
    #: Ends of the caller's subtrees that are written into the text, and what stands in their place until then.
    ends: dict[str, str] = field(default_factory=dict)
    aliases: int = 0

    @classmethod
    def start(cls, dialect: Dialect, world: World) -> Statement:
        return cls(dialect, world, Params(dialect), json_sql(dialect), {})

    def alias(self) -> str:
        self.aliases += 1
        return f"t{self.aliases}"

    def end(self, name: str) -> str:
        """`me.division_first` and its kin as text. A plan made for all callers takes every range for a few rows and
        reads the wrong index: with the ends in sight Postgres knows how many there are, and still plans once."""
        return self.ends.setdefault(name, literal(f"\x02{name}\x03"))

    def value(self, leaf: Leaf, column: Column, convert: Convert, *, many: bool = False) -> str:
        """The placeholder of a value of the request."""
        if leaf.read is None:
            fixed = convert(leaf.value)
            return self.params.add(Const(tuple(fixed) if many else fixed), column, many=many)
        name = f"s{len(self.slots)}"
        self.slots[name] = (leaf.read, convert)
        return self.params.add(Arg((name,)), column, many=many)

    def fill(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Canonical values of all slots; RequestError for a value no column can hold."""
        return {name: convert(read(variables)) for name, (read, convert) in self.slots.items()}
