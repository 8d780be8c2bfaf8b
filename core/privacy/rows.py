"""Rows of entities as they lie, for the engine's own questions about people. No rule is asked: callers decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.crypto import Vault
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.manifest.model import Entity
from core.store.database import Database, Transaction
from core.store.dialect import quote
from core.store.statement import statement
from core.store.tables import table_of
from core.write.values import Row, from_columns


@dataclass(frozen=True, slots=True)
class Lying:
    """Reads whole rows: canonical values by field name, sealed ones opened."""

    database: Database
    vault: Vault

    async def rows(
        self, entity: Entity, where: str, *, order: str = "id", limit: int | None = None, deleted: bool = False,
        tx: Transaction | None = None, lock: bool = False, **values: Any,
    ) -> list[Row]:  # fmt: skip
        """`where` names columns, "{name:column}" binds a value. Living rows only, unless `deleted` ones too: then each
        row has the key "deleted_at"."""
        table = table_of(entity)
        names = [column.name for column in table.columns]
        text = f"SELECT {', '.join(map(quote, names))} FROM {quote(table.name)} WHERE ({where})"
        text += "" if deleted else " AND deleted_at IS NULL"
        text += f" ORDER BY {order}" + (f" LIMIT {limit}" if limit is not None else "")
        text += " FOR UPDATE" if lock and self.database.dialect.name == "postgres" else ""
        dialect = self.database.dialect
        found = await (tx or self.database).fetch(*statement(dialect, table, text, **values))
        rows = []
        for raw in found:
            columns = dict(zip(names, raw, strict=True))
            row = from_columns(dialect, entity, columns, self.vault)
            if deleted:
                row["deleted_at"] = dialect.load(table.column("deleted_at"), columns["deleted_at"])
            rows.append(row)
        return rows

    async def row(self, entity: Entity, id: str, *, deleted: bool = False) -> Row | None:
        """None also when `id` is no id at all."""
        try:
            rows = await self.rows(entity, "id = {id}", deleted=deleted, id=parse_uuid(id))
        except FieldError:
            return None
        return rows[0] if rows else None
