"""Values of fields sealed and opened. Sealed is the JSON text of the value as the API prints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from core.crypto.errors import TamperedError
from core.crypto.vault import Vault
from core.fields.base import Field
from core.fields.choices import Enum
from core.fields.masks import mask_of
from core.fields.structured import List
from core.manifest.model import Entity
from core.store.json_values import of_json, to_json


def seal_value(vault: Vault, entity: Entity, field: Field, row_id: str, value: Any) -> str:
    """A canonical value, sealed for this field of this row."""
    return vault.seal(orjson.dumps(to_json(value)).decode(), context_of(entity.key, field.name, row_id))


def open_value(vault: Vault, entity: Entity, field: Field, row_id: str, sealed: str) -> Any:
    """The value as the API prints it; SealError (KeyGoneError, TamperedError) when it cannot be opened.

    A choice that the manifest no longer lists is null, as in plain columns.
    """
    value = orjson.loads(_opened(vault, entity, field, row_id, sealed))
    if isinstance(field, Enum):
        return value if value in field.values else None
    if isinstance(field, List) and field.values:
        return [item for item in value if item in field.values]
    return value


def open_canonical(vault: Vault, entity: Entity, field: Field, row_id: str, sealed: str) -> Any:
    """The canonical value, as it was written."""
    return of_json(field, orjson.loads(_opened(vault, entity, field, row_id, sealed)))


def masked_value(field: Field, value: Any) -> str | None:
    """The mask of an opened value, the same text that SQL makes of a plain one; None = the type has no mask."""
    mask = mask_of(field)
    return mask.apply(value) if mask and value is not None else None


def lookup_of(vault: Vault, entity: Entity, field: Field, value: Any) -> str:
    """What `<name>_lookup` holds for a canonical value."""
    return vault.lookup(_text(value), f"{entity.key}.{field.name}")


def lookups_of(vault: Vault, entity: Entity, field: Field, values: Sequence[Any]) -> list[str]:
    """What `<name>_lookup` may hold for any of these canonical values: `eq` and `in` ask for one of the list.

    Older keys and the name before a rename count until every row has been moved.
    """
    contexts = [f"{key}.{name}" for key, name in _names(entity, field)]
    return [found for value in values for c in contexts for found in vault.lookups(_text(value), c)]


def context_of(entity_key: str, name: str, row_id: str) -> str:
    return f"{entity_key}.{name}:{row_id}"


def _opened(vault: Vault, entity: Entity, field: Field, row_id: str, sealed: str) -> str:
    first, *others = (context_of(key, name, row_id) for key, name in _names(entity, field))
    for context in others:
        try:
            return vault.unseal(sealed, first)
        except TamperedError:
            first = context
    return vault.unseal(sealed, first)


def _names(entity: Entity, field: Field) -> list[tuple[str, str]]:
    """Keys of the entity and names of the field, the ones before a declared rename last."""
    keys = [entity.key, *([f"{entity.plugin_id}.{entity.renamed_from}"] if entity.renamed_from else [])]
    names = [field.name, *([field.renamed_from] if field.renamed_from else [])]
    return [(key, name) for key in keys for name in names]


def _text(value: Any) -> str:
    text = to_json(value)
    return text if isinstance(text, str) else orjson.dumps(text).decode()
