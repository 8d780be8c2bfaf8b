"""One SQL statement in the making: parameters, aliases, and the slots its variables fill at each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tongban_sdk.errors import UnreadableError

from core.crypto import Vault
from core.crypto.fields import lookups_of
from core.fields.base import Field
from core.fields.column import Column
from core.manifest.model import Entity, World
from core.read.json_sql import JsonSql, json_sql
from core.read.selection import Leaf
from core.read.sight import Sights
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
    vault: Vault | None = None
    #: Facts about the caller that stand in the text, and what stands in their place until it is known who asks.
    facts: dict[str, str] = field(default_factory=dict)
    #: What the answer will show of sensitive values.
    sights: Sights = field(default_factory=Sights)
    aliases: int = 0

    @classmethod
    def start(cls, dialect: Dialect, world: World, vault: Vault | None = None) -> Statement:
        return cls(dialect, world, Params(dialect), json_sql(dialect), {}, vault)

    def lookups(self, entity: Entity, field: Field, values: Sequence[Any]) -> list[str]:
        """What `<name>_lookup` may hold for any of these values."""
        if self.vault is None:
            raise UnreadableError(f"“{field.title}”已加密，此处不能查找")
        return lookups_of(self.vault, entity, field, values)

    def alias(self) -> str:
        self.aliases += 1
        return f"t{self.aliases}"

    def told(self, name: str) -> str:
        """A fact about the caller's subtree as text, so that the database knows how many rows it holds.

        A plan made for all callers takes every range for a few rows and reads the wrong index. Postgres compares the
        ends with its statistics, SQLite has none and is told the share itself; both still plan once per text.
        """
        return self.facts.setdefault(name, literal(f"\x02{name}\x03"))

    def either(self, fact: str, yes: str, no: str) -> str:
        """Both texts, until it is known of who asks which one is his: see Plan.text."""
        self.told(fact)
        return f"\x04{fact}\x05{yes}\x06{no}\x07"

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
