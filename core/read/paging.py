"""Order and pages: NULL is smallest, the id breaks ties, a cursor names the last row seen by its order keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.fields import SYSTEM_FIELDS, all_fields
from core.fields.base import FieldError
from core.fields.column import Column
from core.read.canonical import canonical, refusing
from core.read.columns import column_of
from core.read.rows import Rows
from core.read.selection import Leaf, Tree
from core.read.statement import Statement

CURSOR_MAX_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order."""

    name: str
    column: Column
    sql: str
    descending: bool

    @property
    def is_nullable(self) -> bool:
        """Only system columns are never null: a field may have become required after rows were written."""
        return self.column.null or self.name not in SYSTEM_FIELDS

    @property
    def order(self) -> str:
        # Postgres uses an index only for its very order of nulls: say nothing where there are none.
        nulls = (" NULLS LAST" if self.descending else " NULLS FIRST") if self.is_nullable else ""
        return f"{self.sql}{' DESC' if self.descending else ''}{nulls}"


def order_keys(rows: Rows, tree: Tree | None) -> list[Key]:
    """Keys of `orderBy`, ended by the id so that no two rows are equal."""
    wanted = [(str(leaf(item["field"])), leaf(item["direction"]) == "DESC") for item in _items(tree)]
    keys: dict[str, Key] = {}
    for name, descending in wanted:
        field = all_fields(rows.entity)[name]
        rows.look(field)
        column = column_of(field)
        assert column is not None
        keys.setdefault(name, Key(name, column, rows.clear(field), descending))
    last = wanted[-1][1] if wanted else False
    column = SYSTEM_FIELDS["id"].columns()[0]
    keys.setdefault("id", Key("id", column, rows.scope.name("id"), last))
    return list(keys.values())


def _items(tree: Tree | None) -> list[Any]:
    return tree if isinstance(tree, list) else []


def leaf(tree: Any) -> Any:
    return tree.value if isinstance(tree, Leaf) else None


def signature(keys: Sequence[Key]) -> str:
    """Which order a cursor belongs to."""
    return ",".join(f"{'-' if key.descending else ''}{key.name}" for key in keys)


def cursor_values(statement: Statement, keys: Sequence[Key]) -> list[str]:
    """SQL values whose JSON array, in hexadecimal, is the cursor of a row."""
    return [statement.json.text(signature(keys)), *(statement.dialect.json_value(key.column, key.sql) for key in keys)]


def read_cursor(text: Any) -> list[Any]:
    """The array inside a cursor, or FieldError."""
    try:
        if not isinstance(text, str) or len(text) > CURSOR_MAX_CHARS:
            raise ValueError
        values = orjson.loads(bytes.fromhex(text))
        if not isinstance(values, list) or len(values) < 2:
            raise ValueError
    except ValueError:
        raise FieldError("cursor.format", "游标无效：请用上一页的 endCursor") from None
    return values


def cursor_shape(text: Any) -> Any:
    """What of a cursor changes the SQL: its order and which of its values are null."""
    if text is None:
        return None
    try:
        return tuple(value is None for value in read_cursor(text))
    except FieldError:
        return "unreadable"


def after_sql(statement: Statement, keys: Sequence[Key], tree: Tree | None) -> str:
    """Rows behind the cursor; "TRUE" without one."""
    if not isinstance(tree, Leaf) or tree.value is None:
        return "TRUE"
    values = refusing(_decoder(keys), ("after",))(tree.value)
    marks = [
        None if value is None else statement.value(tree, key.column, refusing(_decoder(keys, i), ("after",)))
        for i, (key, value) in enumerate(zip(keys, values, strict=True))
    ]
    return _behind(keys, marks)


def _decoder(keys: Sequence[Key], index: int | None = None) -> Callable[[Any], Any]:
    expected = signature(keys)

    def decode(text: Any) -> Any:
        found, *values = read_cursor(text)
        if found != expected or len(values) != len(keys):
            raise FieldError("cursor.order", "游标属于另一种排序")
        if any(value is None and not key.is_nullable for key, value in zip(keys, values, strict=True)):
            raise FieldError("cursor.format", "游标无效：请用上一页的 endCursor")
        made = [canonical(key.column, value) for key, value in zip(keys, values, strict=True)]
        return made if index is None else made[index]

    return decode


def _behind(keys: Sequence[Key], marks: Sequence[str | None]) -> str:
    """Compare key by key; one row comparison where direction and nulls allow it, since an index serves that."""
    if len({key.descending for key in keys}) == 1 and not any(key.is_nullable for key in keys) and len(keys) > 1:
        sign = "<" if keys[0].descending else ">"
        return f"({', '.join(key.sql for key in keys)}) {sign} ({', '.join(str(mark) for mark in marks)})"
    key, mark = keys[0], marks[0]
    beyond = _beyond(key, mark)
    if len(keys) == 1:
        return beyond
    equal = f"{key.sql} IS NULL" if mark is None else f"{key.sql} = {mark}"
    return f"({beyond} OR ({equal} AND {_behind(keys[1:], marks[1:])}))"


def _beyond(key: Key, mark: str | None) -> str:
    if mark is None:
        return "FALSE" if key.descending else f"{key.sql} IS NOT NULL"
    if not key.descending:
        return f"{key.sql} > {mark}"
    return f"({key.sql} < {mark} OR {key.sql} IS NULL)" if key.is_nullable else f"{key.sql} < {mark}"
