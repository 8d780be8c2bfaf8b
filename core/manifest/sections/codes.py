"""codes/<id>.yaml: code sets, flat or trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tongban_sdk.problems import Place, Problem

from core.manifest.csv_reader import read_csv
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import error, shown
from core.manifest.model import CodeItem, CodeSet, World
from core.manifest.sections import Section

_COLUMNS = frozenset({"code", "title", "parent"})


def build(documents: Sequence[Document], draft: Draft) -> dict[str, CodeSet]:
    sets = {}
    for document in documents:
        value = document.value
        id = value["code_set"]
        if id != document.stem:
            message = f"代码集 {id} 与文件名 {document.stem} 不同"
            draft.error("codes.name-file", document.place("code_set"), message, "改成相同的名字")
        items = _items(document, draft)
        sets[id] = CodeSet(id, value["title"], value["source"], items, draft.plugin.id, document.place())
    return sets


def _items(document: Document, draft: Draft) -> dict[str, CodeItem]:
    items: dict[str, CodeItem] = {}
    places: dict[str, Place] = {}
    for place, cells in _rows(document, draft):
        code = cells["code"]
        if code in items:
            draft.error("codes.duplicate", place, f"代码 {shown(code)} 重复", "删去其中一个")
        items[code] = CodeItem(code, cells["title"], cells.get("parent"))
        places[code] = place
    for item in items.values():
        _check_parents(item, items, places[item.code], draft)
    return items


def _rows(document: Document, draft: Draft) -> Iterator[tuple[Place, dict[str, str]]]:
    if not check_one_source(document, draft, "items"):
        return
    if "items" in document.value:
        for position, item in document.entries("items"):
            yield document.place("items", position), item
        return
    for row in read_csv(document, draft, required=frozenset({"code", "title"}), known=_COLUMNS):
        if {"code", "title"} <= row.cells.keys():
            yield row.place, row.cells
        else:
            draft.error("csv.row", row.place, "代码和名称不能是空的", "补上，或删去这一行")


def check_one_source(document: Document, draft: Draft, inline: str) -> bool:
    """Exactly one of `items`/`rows` and `file`."""
    if (inline in document.value) == ("file" in document.value):
        draft.error("manifest.one-source", document.place(), f"{inline} 与 file 应写其一", f"留下 {inline} 或 file")
        draft.break_(document)
        return False
    return True


def _check_parents(item: CodeItem, items: dict[str, CodeItem], place: Place, draft: Draft) -> None:
    seen = {item.code}
    parent = item.parent
    while parent is not None:
        if parent not in items:
            if parent == item.parent:
                draft.error("codes.parent-unknown", place, f"上级代码 {shown(parent)} 不在本代码集", "补上上级代码")
            return
        if parent in seen:
            draft.error("codes.parent-cycle", place, f"代码 {shown(item.code)} 的上级绕回了自己", "改正 parent")
            return
        seen.add(parent)
        parent = items[parent].parent


def check(world: World) -> Iterator[Problem]:
    """Ids of code sets are unique over all plugins."""
    owners: dict[str, str] = {}
    for plugin in world.plugins.values():
        for code_set in plugin.codes.values():
            owner = owners.setdefault(code_set.id, plugin.id)
            if owner != plugin.id:
                message = f"代码集 {code_set.id} 已由插件 {owner} 声明"
                yield error("codes.id-taken", code_set.place, message, f"换一个名字，或依赖 {owner}")


SECTION = Section("codes", ("codes/*.yaml",), "codes.schema.json", build, units=("items",), check=check)
