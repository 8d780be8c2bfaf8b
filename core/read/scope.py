"""The aliased row of a statement: columns by field, parameters by source. It remembers which columns were asked for."""

from __future__ import annotations

from core.access import EntityScope
from core.fields.base import Field
from core.fields.made import Computed
from core.manifest.model import Entity
from core.read.statement import Statement


class Scope(EntityScope):
    """A row `alias` of an entity, as rules and computed fields see it."""

    def __init__(self, statement: Statement, entity: Entity, alias: str) -> None:
        super().__init__(statement.world, entity, alias, statement.params)
        self.statement = statement
        self.used: dict[str, None] = {}

    def name(self, column: str) -> str:
        self.used[column] = None
        return super().name(column)

    def field(self, field: Field) -> list[str]:
        """One SQL expression per column of the field; none of them looks at rights."""
        if isinstance(field, Computed) and not field.stored:
            return [field.sql(self)]
        return [self.name(column.name) for column in field.columns()]
