"""Field types: one class each, found in this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from core.fields.base import Field, FieldError
from core.fields.system import SYSTEM_FIELDS, all_fields

__all__ = ["FIELD_TYPES", "SYSTEM_FIELDS", "Field", "FieldError", "all_fields", "make_field"]

#: Manifest keys that are other names in Python.
_NAMES = {"as": "as_type", "set": "code_set"}


def _found() -> Iterator[tuple[str, type[Field]]]:
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name != "system":
            module = importlib.import_module(f"{__name__}.{module_info.name}")
            for cls in vars(module).values():
                if (
                    isinstance(cls, type)
                    and issubclass(cls, Field)
                    and cls.__module__ == module.__name__
                    and cls is not Field
                ):
                    yield cls.type, cls


def _is_field_type(value: object, module_name: str) -> TypeGuard[type[Field]]:
    is_class = isinstance(value, type) and issubclass(value, Field)
    return is_class and value is not Field and getattr(value, "__module__", "") == module_name


FIELD_TYPES: Mapping[str, type[Field]] = dict(sorted(_found()))


def make_field(name: str, spec: Mapping[str, Any], *, plugin_id: str = "") -> Field:
    """Build a field of a checked declaration. `plugin_id` completes a short `to`; a default becomes canonical."""
    cls = FIELD_TYPES[spec["type"]]
    values: dict[str, Any] = {
        _NAMES.get(key, key): tuple(value) if isinstance(value, list) else value
        for key, value in spec.items()
        if key not in ("type", "default") and not key.startswith("x-")
    }
    if plugin_id and "to" in values and "." not in values["to"]:
        values["to"] = f"{plugin_id}.{values['to']}"
    default = spec.get("default")
    if default is not None:
        values["default"] = cls(name=name, **values).parse(default)
    return cls(name=name, **values)
