"""How a field's values lie at rest: which are sealed, in which columns, and what a filter can still compare.

An L4 field is always sealed. An L3 text of an entity that is about a person may be: its rows about children are.
Sealed text stays in its column and says so itself (`is_sealed_text`); other kinds have one text column `<name>_sealed`.
A `keyed` field has a keyed hash beside it, `<name>_lookup`: the only thing about it that can be compared.
"""

from __future__ import annotations

from typing import Protocol

from core.fields.base import Field
from core.fields.column import Column

#: What every sealed value begins with. A plain text that begins like this is sealed wherever it could be mistaken.
SEALED_PREFIX = "tb1."
#: Work keys: what the host itself writes, follows or counts by is never sealed.
WORK_TYPES = frozenset({"ref", "file", "sequence", "path", "id"})
#: Operators of a sealed field that is keyed; one that is not has none.
KEYED_OPERATORS = ("eq", "in")


class HasSubject(Protocol):
    """What this room needs to know of an entity."""

    @property
    def subject_paths(self) -> tuple[tuple[str, ...], ...]: ...


def is_sealed(field: Field) -> bool:
    """Every value of the field is sealed."""
    return field.level == "L4" and field.type not in WORK_TYPES and bool(field.columns())


def may_be_sealed(field: Field, entity: HasSubject) -> bool:
    """Some rows hold it sealed: reading must look at each value."""
    return is_sealed(field) or is_sealed_for_children(field, entity)


def is_sealed_for_children(field: Field, entity: HasSubject) -> bool:
    return field.level == "L3" and bool(entity.subject_paths) and is_text(field) and field.type not in WORK_TYPES


def is_text(field: Field) -> bool:
    """Held in one text column, so that a sealed value fits where the plain one was."""
    columns = field.columns()
    return len(columns) == 1 and columns[0].kind == "text"


def stored_columns(field: Field) -> tuple[Column, ...]:
    """The columns that hold the value as the database has it; `field.columns()` are those of the plain value."""
    if not is_sealed(field):
        return field.columns()
    if is_text(field):
        plain = field.columns()[0]
        return (Column(plain.name, "text", renamed_from=plain.renamed_from),)
    old = field.renamed_from
    return (Column(f"{field.name}_sealed", "text", renamed_from=f"{old}_sealed" if old else None),)


def lookup_column(field: Field) -> Column | None:
    """The keyed hash of the value: compare with `core.crypto.fields.lookups_of`."""
    if not field.keyed:
        return None
    old = field.renamed_from
    return Column(f"{field.name}_lookup", "text", renamed_from=f"{old}_lookup" if old else None)


def at_rest_columns(field: Field) -> tuple[Column, ...]:
    """All of them."""
    lookup = lookup_column(field)
    return (*stored_columns(field), *((lookup,) if lookup else ()))


def indexed_columns(field: Field) -> tuple[Column, ...]:
    """What an index on the field covers: equal values are equal there, sealed or not."""
    lookup = lookup_column(field)
    return (lookup,) if lookup else stored_columns(field)


def is_sealed_text(value: object) -> bool:
    return isinstance(value, str) and value.startswith(SEALED_PREFIX)


def is_sealed_sql(sql: str) -> str:
    """The same test in SQL, on both databases; unknown for null."""
    return f"substr({sql}, 1, {len(SEALED_PREFIX)}) = '{SEALED_PREFIX}'"
