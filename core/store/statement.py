"""Hand-written SQL of the engine: named placeholders typed by the columns of a table, one text for both databases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.fields.column import Table
from core.store.dialect import Dialect

_NAME = re.compile(r"\{(\w+)(?::(\w+))?\}")


def statement(dialect: Dialect, table: Table, text: str, **values: Any) -> tuple[str, list[Any]]:
    """`WHERE run_at <= {now:run_at}`: the value `now` bound as the column `run_at`; a name used twice is bound once."""
    numbers: dict[str, int] = {}
    arguments: list[Any] = []

    def place(match: re.Match[str]) -> str:
        name, column = match[1], table.column(match[2] or match[1])
        if name not in numbers:
            numbers[name] = len(arguments) + 1
            arguments.append(dialect.bind(column, values[name]))
        return dialect.placeholder(numbers[name])

    return _NAME.sub(place, text), arguments


def load_row(dialect: Dialect, table: Table, names: tuple[str, ...], row: Any) -> Mapping[str, Any]:
    """A driver row of these columns as canonical values."""
    return {name: dialect.load(table.column(name), raw) for name, raw in zip(names, row, strict=True)}
