"""messages.yaml or messages/*.yaml: words sent to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.manifest.cases import APPLICANT, ASSIGNEE
from core.manifest.definitions import limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.outputs import MESSAGE_FACTS, MessageTemplate
from core.manifest.placeholders import has_stray_brace, placeholders
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

#: Words for people a role does not name.
RECEIVERS = (APPLICANT, ASSIGNEE, "reporters")


def build(documents: Sequence[Document], draft: Draft) -> dict[str, MessageTemplate]:
    templates: dict[str, MessageTemplate] = {}
    for document in documents:
        for id, spec in document.entries("messages"):
            place = document.key_place("messages", id)
            if id in templates:
                message = f"消息 {id} 已在 {templates[id].place.file} 声明"
                draft.error("message.duplicate", place, message, "换一个名字")
            _check(id, spec, document, draft)
            templates[id] = MessageTemplate(
                plugin_id=draft.plugin.id,
                id=id,
                title=spec["title"],
                text=spec["text"],
                channels=tuple(spec.get("channels", ("inbox",))),
                must_reach_within=limit_of(spec.get("must_reach_within")),
                to=spec["to"],
                place=place,
                is_urgent=spec.get("urgent", False),
            )
    return templates


def _check(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    path = ("messages", id)
    check_staff_role(spec["to"], document.place(*path, "to"), draft, also=RECEIVERS)
    text, place = spec["text"], document.place(*path, "text")
    for name in placeholders(text):
        if name not in MESSAGE_FACTS:
            message = f"消息里不能写 {{{shown(name)}}}：只能用办件的公开情况"
            draft.error("message.placeholder", place, message, did_you_mean(name, MESSAGE_FACTS))
    if has_stray_brace(text):
        draft.error("message.placeholder", place, "花括号没有成对", "写成 {case_no}")
    if "must_reach_within" in spec and len(spec.get("channels", ())) < 2:
        place = document.place(*path, "must_reach_within")
        hint = "在 channels 里再写一种，如 [inbox, sms, phone]"
        draft.error("message.must-reach", place, f"消息 {id} 必须送达，却只有一种渠道", hint)


SECTION = Section(
    "messages",
    ("messages.yaml", "messages/*.yaml"),
    "messages.schema.json",
    build,
    units=("messages",),
    after=("plugin",),
)
