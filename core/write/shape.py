"""What the pipeline asks of an entity again and again, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.fields import all_fields
from core.fields.base import Field
from core.fields.made import Computed, Sequence
from core.fields.refs import Ref
from core.manifest.model import Entity

#: System fields an input may give.
GIVEN_SYSTEM = ("division", "org")


@dataclass(frozen=True, slots=True)
class Shape:
    """Fields of one entity, by what is done with them."""

    writable: Mapping[str, Field]
    required: tuple[Field, ...]
    defaults: Mapping[str, Any]
    #: Fields with columns, and the names of these; system fields first.
    stored: tuple[tuple[Field, tuple[str, ...]], ...]
    #: A row of nulls.
    blank: Mapping[str, None]
    refs: tuple[Ref, ...]
    sequences: tuple[Sequence, ...]
    computed: tuple[Computed, ...]


_KEPT: dict[str, tuple[Entity, Shape]] = {}


def shape_of(entity: Entity) -> Shape:
    kept = _KEPT.get(entity.key)
    if kept is None or kept[0] is not entity:
        kept = _KEPT[entity.key] = (entity, _shape(entity))
    return kept[1]


def _shape(entity: Entity) -> Shape:
    known, own = all_fields(entity), entity.fields.values()
    stored = {n: f for n, f in known.items() if not isinstance(f, Computed) or f.stored}
    return Shape(
        writable={n: f for n, f in known.items() if f.is_writable and (n in entity.fields or n in GIVEN_SYSTEM)},
        required=tuple(f for f in own if f.required and f.is_writable),
        defaults={f.name: f.default for f in own if f.default is not None},
        stored=tuple((f, tuple(c.name for c in f.columns())) for f in stored.values()),
        blank=dict.fromkeys(stored),
        refs=tuple(f for f in own if isinstance(f, Ref)),
        sequences=tuple(f for f in own if isinstance(f, Sequence)),
        computed=tuple(f for f in own if isinstance(f, Computed) and f.stored),
    )
