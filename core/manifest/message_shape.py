"""A message of an outside system as expressions see it: names of its properties, their types, their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from core.expr.types import BOOL, DATE, DATETIME, INT, TEXT, Type

_FORMATS = {"date": DATE, "date-time": DATETIME}
_TYPES = {"integer": INT, "boolean": BOOL}
#: Handed on as it is; nothing can be worked out with it.
JSON = Type("json")


def names_of(schema: Mapping[str, Any]) -> dict[str, Type]:
    """Dotted names of the properties of an object, with their types."""
    return {".".join(path): _type(part) for path, part in _parts(schema)}


def values_of(schema: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical values of a message that fits its schema, by dotted name; None where there is none."""
    return {".".join(path): _value(_type(part), _at(message, path)) for path, part in _parts(schema)}


def at(message: Mapping[str, Any], name: str) -> Any:
    """The value as it was sent, None where there is none."""
    return _at(message, tuple(name.split(".")))


def _parts(schema: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, part in schema.get("properties", {}).items():
        yield (*before, name), part
        if isinstance(part, Mapping):
            yield from _parts(part, (*before, name))


def _type(part: Any) -> Type:
    if not isinstance(part, Mapping):
        return JSON
    options = part.get("enum")
    if part.get("type") == "string" or (options and all(isinstance(option, str) for option in options)):
        return _FORMATS.get(str(part.get("format")), TEXT)
    return _TYPES.get(str(part.get("type")), JSON)


def _at(message: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        message = message.get(name) if isinstance(message, Mapping) else None
    return message


def _value(type: Type, raw: Any) -> Any:
    """A text that is no moment after all is unknown."""
    if raw is None or type not in (DATE, DATETIME):
        return raw
    try:
        if type == DATE:
            return date.fromisoformat(raw)
        found = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return found if found.tzinfo else None
