"""How values of one row go to rest: plain, or sealed for their field of their row; and how sealed ones come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.crypto import SealError, Vault
from core.crypto.fields import lookup_of, open_canonical, seal_value
from core.fields.base import Field
from core.fields.sealed import is_sealed_text
from core.manifest.model import Entity
from core.store.json_values import to_json
from core.write.shape import Stored, shape_of


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a row for a value whose key is gone or whose bytes were changed: written back as it was found."""

    sealed: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Of one row."""

    vault: Vault | None
    entity: Entity
    row_id: str
    #: The row is about a child: its personal values are sealed, too.
    is_child: bool = False
    #: What was sealed last, by field: a value goes to its column and to history, and is sealed once.
    _sealed_last: dict[str, tuple[Any, str]] = field(default_factory=dict)

    def columns(self, stored: Stored, value: Any) -> dict[str, Any]:
        """Column values of a field that is sealed, may be, or is keyed."""
        if isinstance(value, Unreadable):
            return {**dict.fromkeys(stored.names), stored.sealed: value.sealed}
        values: dict[str, Any] = {stored.lookup: self._lookup(stored.field, value)} if stored.lookup else {}
        if self._seals(stored, value):
            return {**dict.fromkeys(stored.names), stored.sealed: self._sealed(stored.field, value), **values}
        parts = (None,) * len(stored.names) if value is None else stored.field.split(value)
        return {stored.sealed: None, **dict(zip(stored.names, parts, strict=True)), **values}

    def json(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Values by field name as history keeps them: printed, or sealed as in their column."""
        fields = shape_of(self.entity).by_name
        return {name: self._json(fields[name], value) for name, value in row.items()}

    def _json(self, stored: Stored, value: Any) -> Any:
        if stored.is_plain:
            return to_json(value)
        if isinstance(value, Unreadable):
            return value.sealed
        return self._sealed(stored.field, value) if self._seals(stored, value) else to_json(value)

    def _seals(self, stored: Stored, value: Any) -> bool:
        if value is None:
            return False
        # A text that looks sealed is: reading could not tell it from one.
        return stored.is_sealed or (stored.is_for_children and (self.is_child or is_sealed_text(value)))

    def _sealed(self, field: Field, value: Any) -> str:
        last, sealed = self._sealed_last.get(field.name, (None, ""))
        if last is not value:
            sealed = seal_value(_needed(self.vault), self.entity, field, self.row_id, value)
            self._sealed_last[field.name] = value, sealed
        return sealed

    def _lookup(self, field: Field, value: Any) -> str | None:
        return None if value is None else lookup_of(_needed(self.vault), self.entity, field, value)


def opened(vault: Vault | None, entity: Entity, field: Field, row_id: str, sealed: str) -> Any:
    """The canonical value, or Unreadable: also to whoever asks without the keys."""
    try:
        return Unreadable(sealed) if vault is None else open_canonical(vault, entity, field, row_id, sealed)
    except SealError:
        return Unreadable(sealed)


def _needed(vault: Vault | None) -> Vault:
    if vault is None:
        raise RuntimeError("this world has sealed or keyed fields: it needs a vault")
    return vault
