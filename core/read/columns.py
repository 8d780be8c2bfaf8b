"""What reading needs to know of a field: its columns, and whether it can be sorted, grouped, summed."""

from __future__ import annotations

from core.fields.base import Field
from core.fields.column import Column
from core.fields.made import Computed

_UNSORTABLE = frozenset({"json"})
#: Fields whose groups would be as many as rows, or texts of any length.
_UNGROUPABLE = frozenset({"id", "text", "sequence", "json", "point", "polygon", "file"})


def column_of(field: Field) -> Column | None:
    """The one column that holds or would hold the value; None for a point."""
    if isinstance(field, Computed):
        return field.result_column
    columns = field.columns()
    return columns[0] if len(columns) == 1 else None


def operators_of(field: Field) -> tuple[str, ...]:
    return field.result_operators if isinstance(field, Computed) else field.operators


def sortable(field: Field) -> bool:
    column = column_of(field)
    return column is not None and column.kind not in _UNSORTABLE


def groupable(field: Field) -> bool:
    column = column_of(field)
    return column is not None and field.type not in _UNGROUPABLE and column.kind not in _UNSORTABLE


def is_number(field: Field) -> bool:
    column = column_of(field)
    return column is not None and column.kind in ("int", "decimal") and field.name != "version"


def is_comparable(field: Field) -> bool:
    """Has a smallest and a largest value worth asking for."""
    column = column_of(field)
    return is_number(field) or (column is not None and column.kind in ("date", "datetime"))
