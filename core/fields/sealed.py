"""How a field's values lie at rest: which are sealed, in which columns, and what a filter can still compare.

An L4 field is always sealed. An L3 field of an entity that is about a person may be: its rows about children are.
Sealed text stays in its column and says so itself (`is_sealed_text`); other kinds have one text column `<name>_sealed`,
instead of their own columns when every value is sealed, beside them when only children's are: one of the two is null.
A `keyed` field has a keyed hash beside it, `<name>_lookup`: the only thing about it that can be compared.
"""

from __future__ import annotations

from typing import Protocol, TypeGuard

from core.fields.base import Field
from core.fields.column import Column

#: What every sealed value begins with. A plain text that begins like this is sealed wherever it could be mistaken.
SEALED_PREFIX = "tb1."
#: Work keys: what the host itself writes, follows or counts by is never sealed.
WORK_TYPES = frozenset({"ref", "file", "sequence", "path", "id"})
#: So are days and instants: of birth the clock of the protection itself, of work what cases are timed and sorted by.
WORK_KINDS = frozenset({"date", "datetime"})
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
    """Rows about children hold it sealed."""
    kinds = {column.kind for column in field.columns()}
    is_work = field.type in WORK_TYPES or bool(kinds & WORK_KINDS)
    return field.level == "L3" and bool(entity.subject_paths and kinds) and not is_work


def is_text(field: Field) -> bool:
    """Held in one text column, so that a sealed value fits where the plain one was."""
    columns = field.columns()
    return len(columns) == 1 and columns[0].kind == "text"


def stored_columns(field: Field) -> tuple[Column, ...]:
    """The columns of the plain value, or of the sealed one where no value is plain."""
    return (_sealed_column(field),) if is_sealed(field) else field.columns()


def sealed_column(field: Field, entity: HasSubject) -> Column | None:
    """Where sealed values lie: in the one column of a text, else in one of their own."""
    return _sealed_column(field) if may_be_sealed(field, entity) else None


def _sealed_column(field: Field) -> Column:
    if is_text(field):
        plain = field.columns()[0]
        return Column(plain.name, "text", renamed_from=plain.renamed_from)
    old = field.renamed_from
    return Column(f"{field.name}_sealed", "text", renamed_from=f"{old}_sealed" if old else None)


def lookup_column(field: Field) -> Column | None:
    """The keyed hash of the value: compare with `core.crypto.fields.lookups_of`."""
    if not field.keyed:
        return None
    old = field.renamed_from
    return Column(f"{field.name}_lookup", "text", renamed_from=f"{old}_lookup" if old else None)


def at_rest_columns(field: Field, entity: HasSubject) -> tuple[Column, ...]:
    """All of them."""
    stored = stored_columns(field)
    names = {column.name for column in stored}
    beside = (sealed_column(field, entity), lookup_column(field))
    return (*stored, *(column for column in beside if column and column.name not in names))


def indexed_columns(field: Field) -> tuple[Column, ...]:
    """What an index on the field covers: equal values are equal there, sealed or not."""
    lookup = lookup_column(field)
    return (lookup,) if lookup else stored_columns(field)


def is_sealed_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(SEALED_PREFIX)


def is_sealed_sql(sql: str) -> str:
    """The same test in SQL, on both databases; unknown for null."""
    return f"substr({sql}, 1, {len(SEALED_PREFIX)}) = '{SEALED_PREFIX}'"
