"""data/<name>.yaml: reference rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tongban_sdk.problems import Place

from core.fields import Field, FieldError, all_fields
from core.fields.made import Computed
from core.fields.numbers import Integer
from core.manifest.csv_reader import read_csv
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import DataSet, Entity
from core.manifest.sealed_checks import check_shipped, is_shippable
from core.manifest.sections import Section
from core.manifest.sections.codes import check_one_source

#: System fields a reference row may set.
_SETTABLE = ("id", "division", "org")
_BOOLEANS = {"true": True, "false": False}
#: Places of the cells, place of the row, canonical values.
_Row = tuple[Mapping[str, Place], Place, dict[str, Any]]


def build(documents: Sequence[Document], draft: Draft) -> tuple[DataSet, ...]:
    return tuple(found for document in documents if (found := _data_set(document, draft)))


def _data_set(document: Document, draft: Draft) -> DataSet | None:
    value = document.value
    entity = draft.entity(value["entity"], document.place("entity"))
    one_source = check_one_source(document, draft, "rows")
    if entity is None or not one_source:
        return None
    if entity.plugin_id != draft.plugin.id:
        place = document.place("entity")
        draft.error("data.entity-foreign", place, f"实体 {entity.key} 属于别的插件", "参考数据只写本插件的实体")
        return None
    check_shipped(entity, document.place("entity"), draft)
    fields = _settable(entity)
    key = tuple(value["key"])
    for i, name in enumerate(key):
        if name not in fields and not draft.is_broken_field(entity, name):
            message = f"实体 {entity.key} 没有可填写的字段 {shown(name)}"
            draft.error("data.field-unknown", document.place("key", i), message, did_you_mean(name, fields))
    rows = _check_rows(_rows(document, entity, draft, fields), entity, key, draft)
    return DataSet(entity.key, key, tuple(rows), document.place())


def _settable(entity: Entity) -> dict[str, Field]:
    fields = all_fields(entity)
    return {
        n: f for n, f in fields.items()
        if n in _SETTABLE or (n in entity.fields and f.is_writable and is_shippable(f))
    }  # fmt: skip


def _rows(document: Document, entity: Entity, draft: Draft, fields: Mapping[str, Field]) -> Iterator[_Row]:
    if "file" in document.value:
        for row in read_csv(document, draft, required=frozenset(), known=frozenset(fields)):
            cells = {name: _from_text(text, fields[name]) for name, text in row.cells.items()}
            yield (
                dict.fromkeys(cells, row.place),
                row.place,
                _parsed(cells, dict.fromkeys(cells, row.place), fields, draft),
            )
        return
    for i, cells in document.entries("rows"):
        for name in cells:
            if name not in fields and not draft.is_broken_field(entity, name):
                place = document.key_place("rows", i, name)
                draft.error("data.field-unknown", place, f"没有可填写的字段 {shown(name)}", did_you_mean(name, fields))
        known = {name: cell for name, cell in cells.items() if name in fields and cell is not None}
        places = {name: document.place("rows", i, name) for name in known}
        yield places, document.place("rows", i), _parsed(known, places, fields, draft)


def _parsed(
    cells: Mapping[str, Any], places: Mapping[str, Place], fields: Mapping[str, Field], draft: Draft
) -> dict[str, Any]:
    values = {}
    for name, cell in cells.items():
        try:
            values[name] = fields[name].parse(cell)
        except FieldError as err:
            draft.error("data.value-invalid", places[name], f"{name} 的值无效：{err.message}", fields[name].title)
    return values


def _from_text(text: str, field: Field) -> Any:
    """A CSV cell as the JSON value the field takes; text that does not fit is left for `parse` to refuse."""
    if field.graphql_scalar == "Boolean":
        return _BOOLEANS.get(text, text)
    if isinstance(field, Integer) and text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    return text


def _check_rows(
    rows: Iterator[_Row],
    entity: Entity,
    key: tuple[str, ...],
    draft: Draft,
) -> Iterator[dict[str, Any]]:
    """Required values and the key are there, and no key twice."""
    seen: dict[tuple[str, ...], Place] = {}
    for places, place, values in rows:
        for name, field in entity.fields.items():
            missing = name not in places and field.default is None
            if missing and (name in key or (field.required and not isinstance(field, Computed) and field.is_writable)):
                draft.error("data.value-missing", place, f"缺少 {name}（{field.title}）", "补上这个值")
        row_key = tuple(str(values.get(name)) for name in key)
        if row_key in seen and all(name in values for name in key):
            message = f"{'、'.join(key)} 与第 {seen[row_key].line} 行重复"
            draft.error("data.duplicate", place, message, "删去其中一行")
        seen.setdefault(row_key, place)
        yield values


SECTION = Section("data", ("data/*.yaml",), "data.schema.json", build, units=("rows",), after=("entities",))
