"""The aliased row of a statement: columns by field, parameters by source. It remembers which columns were asked for."""

from __future__ import annotations

from core.access import EntityScope
from core.expr.types import TEXT
from core.fields.base import Field
from core.fields.made import Computed
from core.fields.sealed import sealed_column, stored_columns
from core.manifest.model import Entity
from core.read.statement import Statement


class Scope(EntityScope):
    """A row `alias` of an entity, as rules and computed fields see it."""

    def __init__(self, statement: Statement, entity: Entity, alias: str) -> None:
        super().__init__(statement.world, entity, alias, statement.params)
        self.statement = statement
        self.used: dict[str, None] = {}
        #: Whether the planner of the database is told about the caller's subtrees; see Statement.told.
        self.tells = False

    def name(self, column: str) -> str:
        self.used[column] = None
        return super().name(column)

    def within(self, sql: str, name: str) -> str:
        if not self.tells:
            return super().within(sql, name)
        if self.dialect_name == "postgres":
            first, last = (f"CAST({self.statement.told(f'{name}_{end}')} AS text)" for end in ("first", "last"))
            return f'({sql} COLLATE "C" BETWEEN {first} AND {last})'
        first, last = (self.me(f"{name}_{end}", TEXT) for end in ("first", "last"))
        share = self.statement.told(f"{name}_share")
        return f"(likelihood({sql} >= {first}, {share}) AND likelihood({sql} <= {last}, {share}))"

    def either(self, fact: str, yes: str, no: str) -> str:
        """SQLite uses an index on a row's unit for IN alone, and for a whole county it is the wrong one."""
        if self.tells and self.dialect_name == "sqlite":
            return self.statement.either(fact, yes, no)
        return yes

    def field(self, field: Field) -> list[str]:
        """One SQL expression per column of the field; none of them looks at rights."""
        if isinstance(field, Computed) and not field.stored:
            return [field.sql(self)]
        return [self.name(column.name) for column in stored_columns(field)]

    def sealed(self, field: Field) -> str | None:
        """Where a sealed value of the field lies; None = none of its values is sealed."""
        column = sealed_column(field, self.entity)
        return self.name(column.name) if column else None
