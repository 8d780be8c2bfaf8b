"""Hand-written SQL of the engine: named placeholders typed by the columns of a table, one text for both databases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from core.fields.column import Table
from core.store.dialect import Dialect, bind_all

_MARKS = {"sqlite": "?", "postgres": "$"}
_NAME = re.compile(r"\{(\w+)(?::(\w+))?\}")


def statement(dialect: Dialect, table: Table, text: str, **values: Any) -> tuple[str, list[Any]]:
    """`WHERE run_at <= {now:run_at}`: the value `now` bound as the column `run_at`; a name used twice is bound once."""
    sql, names = _parsed(_MARKS[dialect.name], text)
    columns = table.by_name
    return sql, bind_all(dialect, [columns[column] for _, column in names], [values[name] for name, _ in names])


@lru_cache(1024)
def _parsed(mark: str, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text for the database, and in their order the names with the columns that type them."""
    names: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        names.setdefault(match[1], match[2] or match[1])
        return f"{mark}{list(names).index(match[1]) + 1}"

    return _NAME.sub(place, text), tuple(names.items())


def load_row(dialect: Dialect, table: Table, names: tuple[str, ...], row: Any) -> Mapping[str, Any]:
    """A driver row of these columns as canonical values."""
    return {name: dialect.load(table.column(name), raw) for name, raw in zip(names, row, strict=True)}
