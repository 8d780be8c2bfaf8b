"""How the values of one field should lie, and how to tell in SQL and in Python which rows lie otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.fields.sealed import is_sealed_sql, is_sealed_text, is_text
from core.manifest.model import Entity
from core.store.dialect import literal, quote
from core.write.shape import Stored, shape_of


@dataclass(frozen=True, slots=True)
class Newest:
    """What values made today begin with."""

    data: str
    lookup: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Of one field."""

    #: "core.person.idno"
    id: str
    stored: Stored
    #: Columns of the form it had before: plain ones of what is sealed now, or the other way round.
    former: tuple[str, ...]
    #: Not yet what tb_at_rest says: every row is looked at.
    is_new: bool

    @property
    def wanted(self) -> str:
        if self.stored.is_plain:
            return ""
        form = "sealed" if self.stored.is_sealed else "children" if self.stored.is_for_children else "plain"
        return f"{form} keyed" if self.stored.lookup else form

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.stored.columns, *self.former)

    def need_sql(self, newest: Newest, child: str) -> str:
        """Rows `t` that `needs` may be true of; `child` is the condition that a row is about one."""
        if self.is_new:
            return " OR ".join(f"{_column(name)} IS NOT NULL" for name in self.columns)
        return " OR ".join(self._needs_sql(newest, child)) or "FALSE"

    def _needs_sql(self, newest: Newest, child: str) -> Iterator[str]:
        stored, value = self.stored, _column(self.stored.names[0])
        lies = f"{value} IS NOT NULL"
        if stored.is_sealed or stored.is_for_children:
            sealed = _column(stored.sealed)
            is_due = f"NOT {_begins(sealed, newest.data)}"
            is_due = f"({is_due} OR NOT {child})" if stored.is_for_children else is_due
            yield f"({is_sealed_sql(sealed)} AND {is_due})"
            bare = lies if stored.is_beside else f"{lies} AND NOT {is_sealed_sql(value)}"
            yield f"({bare})" if stored.is_sealed else f"({bare} AND {child})"
            lies = f"({lies} OR {sealed} IS NOT NULL)"
        if stored.lookup:
            lookup = _column(stored.lookup)
            yield f"({lies} AND ({lookup} IS NULL OR NOT {_begins(lookup, newest.lookup)}))"
        yield from (f"{_column(name)} IS NOT NULL" for name in self.former)

    def needs(self, raw: Mapping[str, Any], newest: Newest, *, is_child: bool) -> bool:
        """Whether the field of this row is to be written anew."""
        if any(raw[name] is not None for name in self.former):
            return True
        sealed, lookup = raw[self.stored.sealed], self.stored.lookup
        if sealed is None and raw[self.stored.names[0]] is None:
            return False
        if self.is_new or self.is_bare(raw, is_child=is_child):
            return True
        is_over = self.stored.is_for_children and not is_child
        is_due = is_sealed_text(sealed) and (is_over or not sealed.startswith(newest.data))
        return is_due or bool(lookup and not (raw[lookup] or "").startswith(newest.lookup))

    def is_bare(self, raw: Mapping[str, Any], *, is_child: bool) -> bool:
        """A plain value lies where a sealed one should; then it lies in the history of the row, too."""
        if not (self.stored.is_sealed or (self.stored.is_for_children and is_child)):
            return False
        values = (raw[name] for name in (*self.stored.names, *self.former))
        return any(value is not None and not is_sealed_text(value) for value in values)


def layouts_of(entity: Entity, recorded: Mapping[str, str], live: Collection[str]) -> list[Layout]:
    """Of every field that is, or was, anything but plain. `live` are the columns the table has."""
    found = []
    for stored in shape_of(entity).stored:
        id = f"{entity.key}.{stored.field.name}"
        if stored.is_plain and id not in recorded:
            continue
        layout = Layout(id, stored, tuple(name for name in _other_form(stored) if name in live), False)
        is_new = recorded.get(id, "") != layout.wanted
        found.append(Layout(id, stored, layout.former, is_new))
    return found


def _other_form(stored: Stored) -> tuple[str, ...]:
    """Texts have one form only: the same column, and a value that says whether it is sealed. Others may have two."""
    if is_text(stored.field) or stored.is_beside:
        return ()
    if stored.is_sealed:
        return tuple(column.name for column in stored.field.columns())
    return (f"{stored.field.name}_sealed",)


def _column(name: str) -> str:
    return f"t.{quote(name)}"


def _begins(sql: str, prefix: str) -> str:
    return f"substr({sql}, 1, {len(prefix)}) = {literal(prefix)}"
