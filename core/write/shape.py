"""What the pipeline asks of an entity again and again, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.fields import all_fields
from core.fields.base import Field
from core.fields.made import Computed, Sequence
from core.fields.refs import Ref
from core.fields.sealed import is_sealed, is_sealed_for_children, lookup_column, sealed_column, stored_columns
from core.fields.tree import Path
from core.manifest.model import Entity

#: System fields an input may give.
GIVEN_SYSTEM = ("division", "org")


@dataclass(frozen=True, slots=True)
class Stored:
    """A field with columns, as they are in the database."""

    field: Field
    #: Of the plain value, or the one of the sealed value.
    names: tuple[str, ...]
    #: Column a sealed value lies in: among the names, or beside them.
    sealed: str
    #: Column of the keyed hash, or "".
    lookup: str
    is_sealed: bool
    #: Sealed in rows about children only.
    is_for_children: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.names, self.sealed, *((self.lookup,) if self.lookup else ()))))

    @property
    def is_beside(self) -> bool:
        """A sealed value has a column of its own."""
        return self.sealed not in self.names

    @property
    def is_plain(self) -> bool:
        return not (self.is_sealed or self.is_for_children or self.lookup)


@dataclass(frozen=True, slots=True)
class Shape:
    """Fields of one entity, by what is done with them."""

    writable: Mapping[str, Field]
    required: tuple[Field, ...]
    defaults: Mapping[str, Any]
    #: System fields first.
    stored: tuple[Stored, ...]
    by_name: Mapping[str, Stored]
    #: Fields sealed in rows about children only: whether a row is one must be known to write it.
    for_children: tuple[Stored, ...]
    #: A row of nulls.
    blank: Mapping[str, None]
    refs: tuple[Ref, ...]
    sequences: tuple[Sequence, ...]
    computed: tuple[Computed, ...]
    paths: tuple[Path, ...]


_KEPT: dict[str, tuple[Entity, Shape]] = {}


def shape_of(entity: Entity) -> Shape:
    kept = _KEPT.get(entity.key)
    if kept is None or kept[0] is not entity:
        kept = _KEPT[entity.key] = (entity, _shape(entity))
    return kept[1]


def _shape(entity: Entity) -> Shape:
    known, own = all_fields(entity), entity.fields.values()
    stored = {n: _stored(f, entity) for n, f in known.items() if not isinstance(f, Computed) or f.stored}
    return Shape(
        writable={n: f for n, f in known.items() if f.is_writable and (n in entity.fields or n in GIVEN_SYSTEM)},
        required=tuple(f for f in own if f.required and f.is_writable),
        defaults={f.name: f.default for f in own if f.default is not None},
        stored=tuple(stored.values()),
        by_name=stored,
        for_children=tuple(s for s in stored.values() if s.is_for_children),
        blank=dict.fromkeys(stored),
        refs=tuple(f for f in own if isinstance(f, Ref)),
        sequences=tuple(f for f in own if isinstance(f, Sequence)),
        computed=tuple(f for f in own if isinstance(f, Computed) and f.stored),
        paths=tuple(f for f in own if isinstance(f, Path)),
    )


def _stored(field: Field, entity: Entity) -> Stored:
    columns = tuple(c.name for c in stored_columns(field))
    lookup, sealed = lookup_column(field), sealed_column(field, entity)
    return Stored(
        field,
        columns,
        sealed.name if sealed else columns[0],
        lookup.name if lookup else "",
        is_sealed(field),
        is_sealed_for_children(field, entity),
    )
