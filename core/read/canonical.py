"""Values of requests as canonical values of columns: ids and the values inside a cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields.base import FieldError
from core.fields.column import Column
from core.fields.operators import value_maker
from core.fields.text import text_of
from core.fields.times import parse_date, parse_instant, parse_time

#: Stands for an id that no row can have: comparisons stay valid on a uuid column.
NO_ID = "00000000-0000-0000-0000-000000000000"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def canonical_id(value: Any) -> str:
    """An id in the form of the database; anything that is no id finds nothing."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == len(NO_ID) else NO_ID
    except ValueError:
        return NO_ID


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**63 - 1:
        raise FieldError("integer.type", "应为整数")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldError("boolean.type", "应为 true 或 false")
    return value


_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "text": text_of, "uuid": canonical_id, "int": _integer, "bool": _boolean,
    "date": parse_date, "datetime": parse_instant, "time": parse_time,
}  # fmt: skip


def canonical(column: Column, value: Any) -> Any:
    """A value as the answer prints it, back in canonical form."""
    if value is None:
        return None
    # A cursor can be forged: no exponent, no NaN, no more digits than a column holds.
    return (value_maker(column) if column.kind == "decimal" else _FROM_JSON[column.kind])(value)


def refusing(convert: Callable[[Any], Any], path: tuple[str | int, ...]) -> Callable[[Any], Any]:
    """The same conversion; what it refuses is told as a problem of the argument at `path`."""

    def checked(value: Any) -> Any:
        try:
            return None if value is None else convert(value)
        except FieldError as error:
            raise InvalidInputError("参数的值无效", (InputProblem(path, error.message, error.id),)) from None

    return checked
