"""The aliased row of a statement: columns by field, parameters by source. It remembers which columns were asked for."""

from __future__ import annotations

from core.access import EntityScope
from core.expr import Type
from core.fields.base import Field
from core.fields.made import Computed
from core.manifest.model import Entity
from core.read.statement import Statement

#: Values of `me` that `under` compares with.
ENDS = frozenset({"division_first", "division_last", "org_path_first", "org_path_last"})


class Scope(EntityScope):
    """A row `alias` of an entity, as rules and computed fields see it."""

    def __init__(self, statement: Statement, entity: Entity, alias: str) -> None:
        super().__init__(statement.world, entity, alias, statement.params)
        self.statement = statement
        self.used: dict[str, None] = {}
        #: Whether the ends of the caller's subtrees are written into the text; see Statement.end.
        self.shows_ends = False

    def name(self, column: str) -> str:
        self.used[column] = None
        return super().name(column)

    def me(self, name: str, type: Type) -> str:
        if self.shows_ends and name in ENDS and self.dialect_name == "postgres":
            return f"CAST({self.statement.end(name)} AS text)"
        return super().me(name, type)

    def field(self, field: Field) -> list[str]:
        """One SQL expression per column of the field; none of them looks at rights."""
        if isinstance(field, Computed) and not field.stored:
            return [field.sql(self)]
        return [self.name(column.name) for column in field.columns()]
