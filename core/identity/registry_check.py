"""Development's real-name provider: what the county's own core.person says. A province's service takes its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from core.crypto import Vault
from core.crypto.fields import lookups_of, open_canonical
from core.fields.column import Column
from core.fields.sealed import is_sealed_text, lookup_column
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.dialect import quote

PERSON = "core.person"


class RegistryCheck:
    """Name and number must be those of one living row."""

    name: ClassVar[str] = "registry"

    def __init__(self, database: Database, vault: Vault, world: Callable[[], World]) -> None:
        self._database, self._vault, self._world = database, vault, world

    async def find(self, name: str, idno: str, phone: str) -> str | None:
        entity = self._world().entity(PERSON)
        if entity is None:
            return None
        rows = await self._database.fetch(*self._select(entity, idno))
        found = {str(id) for id, stored in rows if self._plain(entity, str(id), stored) == name}
        return found.pop() if len(found) == 1 else None

    def _select(self, entity: Entity, idno: str) -> tuple[str, list[Any]]:
        dialect, field = self._database.dialect, entity.fields["idno"]
        column = lookup_column(field) or Column("idno", "text")
        values = lookups_of(self._vault, entity, field, [idno]) if column.name != "idno" else [idno]
        chosen = dialect.in_list(quote(column.name), dialect.placeholder(1), column)
        text = (
            f"SELECT id, name FROM {quote(entity.table)} "
            f"WHERE {chosen} AND deleted_at IS NULL AND state <> 'deceased' LIMIT 2"
        )
        return text, [dialect.bind_list(column, values)]

    def _plain(self, entity: Entity, id: str, stored: Any) -> Any:
        if not is_sealed_text(stored):
            return stored
        return open_canonical(self._vault, entity, entity.fields["name"], id, stored)
