"""Expressions over the row of a case, asked of the database in the transaction that will act on the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from core.access import EntityScope
from core.expr import Expr, Type, typed_sql
from core.fields.column import Column
from core.manifest.model import Entity
from core.store.database import Transaction
from core.store.dialect import Dialect, quote
from core.store.sql import Arg, Env, Params
from core.write.live import Live

_ID = Column("id", "uuid")
#: Statement, parameters, column of each answer, and the expressions: their ids are the key, so they must stay.
_Compiled = tuple[str, Params, tuple[Column, ...], tuple[Expr, ...]]


class Conditions:
    """Of one generation."""

    def __init__(self, live: Live, dialect: Dialect) -> None:
        self._world, self._dialect = live.world, dialect
        self._compiled: dict[tuple[str, tuple[int, ...]], _Compiled] = {}

    @classmethod
    def of(cls, live: Live, dialect: Dialect) -> Conditions:
        """The one of this generation; it goes with it."""
        found = _OF.get(live)
        if found is None:
            found = _OF[live] = cls(live, dialect)
        return found

    async def values(
        self, tx: Transaction, entity: Entity, row_id: str, exprs: Sequence[Expr], me: Mapping[str, Any], now: datetime
    ) -> list[Any]:
        """Canonical values of the expressions over one row, None where unknown; one statement for all."""
        if not exprs:
            return []
        text, params, types, _ = self._statement(entity, tuple(exprs))
        rows = await tx.fetch(text, params.bind(Env(me, {"id": row_id}, now)))
        return [self._dialect.load(column, value) for column, value in zip(types, rows[0], strict=True)]

    async def holds(
        self, tx: Transaction, entity: Entity, row_id: str, exprs: Sequence[Expr], me: Mapping[str, Any], now: datetime
    ) -> list[bool]:
        """Unknown does not hold."""
        return [value is True for value in await self.values(tx, entity, row_id, exprs, me, now)]

    def _statement(self, entity: Entity, exprs: tuple[Expr, ...]) -> _Compiled:
        key = (entity.key, tuple(map(id, exprs)))
        found = self._compiled.get(key)
        if found is None:
            params = Params(self._dialect)
            scope = EntityScope(self._world, entity, "r", params)
            asked = [typed_sql(expr, scope) for expr in exprs]
            here = params.add(Arg(("id",)), _ID)
            text = f"SELECT {', '.join(sql for sql, _ in asked)} FROM {quote(entity.table)} r WHERE r.id = {here}"
            found = self._compiled[key] = (text, params, tuple(_column(type) for _, type in asked), exprs)
        return found


def _column(type: Type) -> Column:
    kind = type.kind
    return Column("value", "text" if kind == "null" or kind == "list" else kind, type.scale)


_OF: WeakKeyDictionary[Live, Conditions] = WeakKeyDictionary()
