"""The first line: which column fills which field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from core.exchange.cells import Titles, titles_of
from core.exchange.faults import BadFileError, Faults
from core.fields import all_fields
from core.fields.base import Field
from core.fields.refs import Ref
from core.manifest.model import Entity, World

#: System fields a file may give, as any input may.
GIVEN_SYSTEM = ("division", "org")
UNKNOWN_MAX_CHARS = 30


@dataclass(frozen=True, slots=True)
class Column:
    #: From 1.
    number: int
    heading: str
    field: Field
    titles: Titles
    #: Every row must fill it.
    is_needed: bool


def fields_of_files(entity: Entity) -> dict[str, Field]:
    """What a file may fill, by name."""
    return {n: f for n, f in all_fields(entity).items() if f.is_writable and (n in entity.fields or n in GIVEN_SYSTEM)}


def key_of(entity: Entity, key: Sequence[str]) -> tuple[str, ...]:
    """The fields a key names, as headings name them; what names none stays as it is."""
    names = _names(entity)
    return tuple(names[name].name if name in names else name for name in key)


def read_columns(
    entity: Entity, world: World, headings: Sequence[str], key: Sequence[str], faults: Faults
) -> list[Column]:
    """The columns in their order. BadFileError after all that is wrong with the line has been told."""
    names, before = _names(entity), (len(faults.listed), faults.more)
    needed = _needed(entity, key)
    columns: dict[str, Column] = {}
    for number, heading in enumerate((h.strip() for h in headings), start=1):
        field, shown = names.get(heading), heading[:UNKNOWN_MAX_CHARS]
        if field is None:
            faults.add(1, "import.column-unknown", _unknown(heading, names, entity), number, shown)
        elif field.name not in fields_of_files(entity):
            faults.add(1, "import.column-closed", "由系统填写，请删去这一列", number, shown)
        elif field.name in columns:
            first = columns[field.name].number
            faults.add(1, "import.column-double", f"与第 {first} 列填写同一个字段", number, shown)
        else:
            titles = titles_of(field, world)
            columns[field.name] = Column(number, heading, field, titles, field.name in needed)
    for message in _missing(entity, columns, key):
        faults.add(1, "import.column-missing", message)
    if (len(faults.listed), faults.more) != before:
        raise BadFileError
    return list(columns.values())


def _missing(entity: Entity, columns: Mapping[str, Column], key: Sequence[str]) -> Iterator[str]:
    for name in _needed(entity, key):
        if name not in columns:
            yield f"缺少“{entity.fields[name].title}”（{name}）一列"


def _needed(entity: Entity, key: Sequence[str]) -> Sequence[str]:
    """A row that is there already needs its key only."""
    return key or [n for n, f in entity.fields.items() if f.required and f.default is None and f.is_writable]


def _names(entity: Entity) -> dict[str, Field]:
    """Every way a heading may say a field. A title two declared fields share says neither; system fields give way."""
    fields = all_fields(entity)
    titles = [field.title for field in entity.fields.values()]
    found = {field.title: field for name, field in fields.items() if name not in entity.fields}
    found = {title: field for title, field in found.items() if title not in titles}
    found |= {field.title: field for field in entity.fields.values() if titles.count(field.title) == 1}
    for name, field in fields.items():
        found |= {name: field, field.graphql_name: field}
        if isinstance(field, Ref):
            found[f"{field.graphql_name}Id"] = field
    return found


def heading_of(field: Field, entity: Entity) -> str:
    """The heading an import understands: the title, or the name where the title says something else."""
    return field.title if _names(entity).get(field.title) is field else field.name


def _unknown(heading: str, names: Mapping[str, Field], entity: Entity) -> str:
    if not heading:
        return "列名是空的"
    if "\t" in heading or ";" in heading:
        return "列名里有制表符或分号：列之间请用逗号分隔"
    near = get_close_matches(heading, names, n=1)
    return f"“{entity.title}”没有这个字段" + (f"，是不是“{near[0]}”" if near else "")
