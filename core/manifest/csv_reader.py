"""A table beside a document: UTF-8 CSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

from tongban_sdk.problems import Place

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown


@dataclass(frozen=True, slots=True)
class CsvRow:
    place: Place
    #: Empty cells are left out.
    cells: dict[str, str]


def read_csv(document: Document, draft: Draft, *, required: frozenset[str], known: frozenset[str]) -> list[CsvRow]:
    """Rows of the file a document names under `file`; problems go to the draft."""
    name = f"{document.name.rpartition('/')[0]}/{document.value['file']}"
    if name not in draft.folder.files:
        # A file that exists but could not be read has its own problem.
        if not any(p.place == draft.folder.place_of(name) for p in draft.folder.problems):
            hint = did_you_mean(name, (n for n in draft.folder.files if n.endswith(".csv")))
            draft.error("csv.missing", document.place("file"), f"没有文件 {name}", hint)
        draft.break_(document)
        return []
    return _rows(draft, document, name, required, known)


def _rows(draft: Draft, document: Document, name: str, required: frozenset[str], known: frozenset[str]) -> list[CsvRow]:
    place = draft.folder.place_of(name)

    def refuse(id: str, line: int, message: str, hint: str = "") -> None:
        draft.error(id, Place(place.file, line, 1), message, hint)
        draft.break_(document)

    try:
        text = draft.folder.files[name].decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse("csv.encoding", 1, "文件不是 UTF-8 编码", "用 UTF-8 重新保存")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[CsvRow] = []
    try:
        header = next(reader, [])
        if not _check_header(header, required, known, refuse):
            return []
        for cells in reader:
            if len(cells) != len(header):
                refuse("csv.row", reader.line_num, f"有 {len(cells)} 格，表头有 {len(header)} 格", "检查逗号和引号")
            elif "\0" in "".join(cells):
                refuse("csv.syntax", reader.line_num, "含有空字符（NUL）", "删去这个字符")
            else:
                filled = {key: cell for key, cell in zip(header, cells, strict=True) if cell != ""}
                rows.append(CsvRow(Place(place.file, reader.line_num, 1), filled))
    except csv.Error as err:
        refuse("csv.syntax", reader.line_num, f"CSV 有误：{err}", "检查引号是否成对")
    return rows


def _check_header(
    header: list[str], required: frozenset[str], known: frozenset[str], refuse: Callable[[str, int, str, str], None]
) -> bool:
    good = True
    for name in sorted(required - set(header)):
        refuse("csv.header", 1, f"表头缺少 {name}", f"第一行写 {','.join(sorted(known)[:10])} 中用到的字段")
        good = False
    for position, name in enumerate(header):
        if name not in known:
            refuse("csv.header", 1, f"表头里的 {shown(name)} 不认识", did_you_mean(name, known))
            good = False
        elif name in header[:position]:
            refuse("csv.header", 1, f"表头里的 {name} 重复", "删去一列")
            good = False
    return good
