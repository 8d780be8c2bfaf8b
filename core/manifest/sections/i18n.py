"""i18n/<language>.yaml: titles in other languages, by path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Plugin
from core.manifest.sections import Section

#: BCP 47, as far as it is used: en, zh-CN, kk-Arab.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", re.ASCII)


def build(documents: Sequence[Document], draft: Draft) -> Mapping[str, Mapping[str, str]]:
    """Language → path → text."""
    known = frozenset(_paths(draft.plugin))
    texts = {}
    for document in documents:
        if not _LANGUAGE.fullmatch(document.stem):
            message = f"{shown(document.stem)} 不是语言标记"
            draft.error("i18n.language", document.place(), message, "文件名写成 en.yaml、zh-CN.yaml")
        for path in document.value:
            section, _, rest = path.partition(".")
            if path not in known and f"{section}/{rest.partition('.')[0]}.yaml" not in draft.broken:
                place = document.key_place(path)
                draft.error("i18n.path-unknown", place, f"没有可翻译的 {shown(path)}", did_you_mean(path, known))
        texts[document.stem] = document.value
    return texts


def _paths(plugin: Plugin) -> Iterator[str]:
    """Every text of a manifest that people see."""
    yield from ("title", "description")
    yield from (f"roles.{role}.title" for role in plugin.roles)
    yield from (f"purposes.{purpose}.{key}" for purpose in plugin.purposes for key in ("title", "text"))
    yield from (f"jobs.{job}.title" for job in plugin.jobs)
    for code_set in plugin.codes.values():
        yield f"codes.{code_set.id}.title"
        yield from (f"codes.{code_set.id}.{code}" for code in code_set.items)
    for name, entity in plugin.entities.items():
        yield from (f"entities.{name}.title", f"entities.{name}.description")
        for field in entity.fields.values():
            path = f"entities.{name}.fields.{field.name}"
            yield from (f"{path}.title", f"{path}.description")
            yield from (f"{path}.values.{value}" for value in getattr(field, "values", None) or ())


SECTION = Section("i18n", ("i18n/*.yaml",), "i18n.schema.json", build, after=("entities", "codes", "jobs"))
