"""What documents of service items and workflows share: where they come from, limits, what tells two apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from tongban_sdk.problems import Place

from core.expr import Expr, parse
from core.manifest.cases import Limit
from core.manifest.document import Document


class Origin(Protocol):
    """Where a document comes from: how its expressions are read, and what places its parts have."""

    def place(self, *path: str | int) -> Place: ...

    def condition(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        """True or false of a row. `by_caller`: it may speak about `me`."""
        ...

    def value(self, source: str, *path: str | int, by_caller: bool = False) -> Expr: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it was kept when it was good: nothing is checked again."""

    name: str

    def place(self, *path: str | int) -> Place:
        return Place(self.name)

    def condition(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        return parse(source)

    def value(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        return parse(source)


def limit_of(spec: Mapping[str, Any] | None) -> Limit | None:
    """`{value: 3, unit: WD}` of a manifest."""
    return Limit(**{key: value for key, value in spec.items() if not key.startswith("x-")}) if spec else None


def full_key(name: str, plugin_id: str) -> str:
    """A short name means the plugin's own: "repair" → "community.repair"."""
    return name if "." in name else f"{plugin_id}.{name}"


def definition_hash(document: Mapping[str, Any]) -> str:
    """Equal for equal content, whatever the order of its keys: sha256 in hex."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def document_value(document: Document, *units: str) -> dict[str, Any]:
    """A document without the entries that do not fit its schema."""
    value: dict[str, Any] = document.value
    return {**value, **{key: dict(document.entries(key)) for key in units if key in value}}
