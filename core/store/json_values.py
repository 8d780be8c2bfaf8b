"""Canonical values as the API prints them, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from core.fields.base import Field
from core.fields.column import Kind
from core.fields.made import Computed
from core.store.dialect import datetime_text

_PRINTED_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_BACK: Mapping[Kind, Callable[[str], Any]] = {
    "decimal": Decimal, "date": date.fromisoformat, "datetime": datetime.fromisoformat, "time": time.fromisoformat,
}  # fmt: skip


def to_json(value: Any) -> Any:
    """A canonical value as the API prints it."""
    if type(value) in _PRINTED_AS_THEY_ARE:
        return value
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return datetime_text(value)
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds")
        case (int(), int()) if isinstance(value, tuple):
            return {"lng": value[0] / 10**7, "lat": value[1] / 10**7, "crs": "CGCS2000"}
        case tuple():
            return list(value)
        case _:
            return value


def of_json(field: Field, value: Any) -> Any:
    """A printed value of the field in canonical form; what the field would refuse today is taken as it is."""
    if value is None:
        return None
    columns = field.result.columns() if isinstance(field, Computed) else field.columns()
    if len(columns) == 2:
        return round(value["lng"] * 10**7), round(value["lat"] * 10**7)
    back = _BACK.get(columns[0].kind)
    return back(value) if back else value
