"""Rows of a file with the line each begins on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.crypto.stream import Stored
from core.exchange.cells import value_of
from core.exchange.columns import Column, read_columns
from core.exchange.faults import BadFileError, Faults
from core.exchange.text import open_text
from core.fields.base import FieldError
from core.fields.refs import Ref
from core.manifest.model import Entity, World


@dataclass(frozen=True, slots=True)
class Source:
    """A file and what it is to become."""

    stored: Stored
    entity: Entity
    world: World
    #: Fields that together name a row that may be there already; () = every row is new.
    key: tuple[str, ...]
    max_bytes: int


@dataclass(frozen=True, slots=True)
class FileRow:
    line: int
    #: By field name: values as a client would send them, of refs the text. Empty cells are left out.
    values: dict[str, Any]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.field.name == name), None)


def read_rows(source: Source, faults: Faults) -> Iterator[FileRow]:
    """Rows whose cells all fit their fields; the faults tell of the others, and of a file that cannot be read on."""
    try:
        with open_text(source.stored, source.max_bytes, faults) as file:
            reader = csv.reader(file, strict=True)
            yield from _rows(source, reader, faults)
    except BadFileError:
        return


def _rows(source: Source, reader: Any, faults: Faults) -> Iterator[FileRow]:
    headings = _next(reader, 1, faults)
    if headings is None:
        faults.add(1, "csv.empty", "文件是空的：第一行写列名")
        raise BadFileError
    columns = tuple(read_columns(source.entity, source.world, headings, source.key, faults))
    while True:
        line = reader.line_num + 1
        cells = _next(reader, line, faults)
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) != len(headings):
            faults.add(line, "csv.row", f"有 {len(cells)} 格，列名有 {len(headings)} 个：请检查逗号和引号")
            continue
        row = FileRow(line, {}, columns)
        fits = [_fill(row, column, cells[column.number - 1], faults) for column in columns]
        if all(fits):
            yield row


def _next(reader: Any, line: int, faults: Faults) -> list[str] | None:
    try:
        found: list[str] | None = next(reader, None)
        return found
    except csv.Error as error:
        # A quote that is never closed takes in the rest of the file, or as much as csv lets one cell hold.
        words = str(error)
        if "unexpected end" in words or "field limit" in words:
            faults.add(line, "csv.quote", "从这一行开始的引号没有闭合")
        else:
            faults.add(reader.line_num, "csv.syntax", "引号的用法有误：含引号的格子要用引号括起，里面的引号写两个")
        raise BadFileError from None


def _fill(row: FileRow, column: Column, text: str, faults: Faults) -> bool:
    field = column.field
    if not text.strip():
        if column.is_needed:
            faults.add(row.line, "input.required", f"{field.title}是必填项", column.number, column.heading)
        return not column.is_needed
    try:
        value = text.strip() if isinstance(field, Ref) else value_of(field, text, column.titles)
        if not isinstance(field, Ref):
            field.parse(value)
        row.values[field.name] = value
    except FieldError as error:
        faults.add(row.line, error.id, error.message, column.number, column.heading)
        return False
    return True
