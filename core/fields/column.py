"""What a column holds. One vocabulary for tables, codecs and parameters on every database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

#: Canonical Python value of each kind, the only form that passes between modules:
#: text/uuid str · int int · bool bool · decimal Decimal · date date · datetime aware UTC, whole milliseconds ·
#: time time · json anything orjson takes.
Kind = Literal["text", "uuid", "int", "bool", "decimal", "date", "datetime", "time", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    #: Digits after the point; decimal only.
    scale: int = 0
    null: bool = True
    #: Canonical value used as the database default, so that a column can be added to a full table.
    default: object = None
    primary: bool = False
    #: The column's name in the release before, when the manifest declares a rename.
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index; a leading "-" on a column means descending."""

    columns: tuple[str, ...]
    unique: bool = False
    #: Covers rows that are not deleted only, so that a deleted row's unique value can be used again.
    live: bool = False
    #: Covers one row in SAMPLE_OF only, chosen by chance.
    sample: bool = False


#: Ids end in random digits: of so many rows one is in the sample. Indexes and questions say it with the same words.
SAMPLE_OF = 64
SAMPLE = "substr(CAST({id} AS text), 35) IN ('00', '01', '02', '03')"


@dataclass(frozen=True)
class Table:
    """A table as it should be. Built from an entity, or by hand for the engine's own tables (prefix tb_)."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    renamed_from: str | None = None

    def column(self, name: str) -> Column:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return {c.name: c for c in self.columns}
