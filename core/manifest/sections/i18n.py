"""i18n/<language>.yaml: texts in other languages, by path; zh-CN.yaml holds what the manifest leaves out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.folder import MANIFEST
from core.manifest.sections import Section
from core.manifest.texts import OWN, filled, texts_of

#: BCP 47, as far as it is used: en, zh-CN, kk-Arab.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", re.ASCII)


def build(documents: Sequence[Document], draft: Draft) -> Mapping[str, Mapping[str, str]]:
    """Language → path → text. What the own language adds stands in the entities themselves."""
    own = texts_of(draft.plugin)
    texts = {}
    for document in documents:
        if not _LANGUAGE.fullmatch(document.stem):
            message = f"{shown(document.stem)} 不是语言标记"
            draft.error("i18n.language", document.place(), message, "文件名写成 en.yaml、zh-CN.yaml")
        for path in document.value:
            _check_path(path, own, document, draft)
        texts[document.stem] = document.value
    if more := texts.get(OWN):
        draft.plugin = filled(draft.plugin, more)
    return texts


def _check_path(path: str, own: Mapping[str, str], document: Document, draft: Draft) -> None:
    section, _, rest = path.partition(".")
    in_head = section in ("roles", "purposes") and MANIFEST in draft.broken
    is_broken = in_head or not draft.broken.isdisjoint((f"{section}.yaml", f"{section}/{rest.partition('.')[0]}.yaml"))
    if path not in own and not is_broken:
        message = f"没有可翻译的 {shown(path)}"
        draft.error("i18n.path-unknown", document.key_place(path), message, did_you_mean(path, own))
    if own.get(path) and document.stem == OWN:
        message = f"{shown(path)} 在清单里已有文字"
        draft.error("i18n.in-place", document.key_place(path), message, "只留一处：删去这一行，或改清单")


SECTION = Section(
    "i18n",
    ("i18n/*.yaml",),
    "i18n.schema.json",
    build,
    after=(
        *("entities", "codes", "jobs", "services", "forms"),
        *("workflows", "dispatch", "messages", "documents", "indicators", "layers", "fees", "connectors"),
    ),
)
