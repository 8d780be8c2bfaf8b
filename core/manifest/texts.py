"""Texts of a manifest that people see, by path: its own, what i18n/zh-CN.yaml adds, and other languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from core.manifest.model import Entity, Plugin

#: The language manifests are written in.
OWN = "zh-CN"


def texts_of(plugin: Plugin) -> dict[str, str]:
    """Every path that can be translated and what the manifest says there; "" = nothing yet."""
    return dict(_texts(plugin))


def text(plugin: Plugin, path: str, language: str = OWN) -> str:
    """The text at a path: in the language, in the wider one (kk for kk-Arab), else the manifest's own."""
    others: Mapping[str, Mapping[str, str]] = plugin.parts.get("i18n", {})
    while language:
        if found := others.get(language, {}).get(path):
            return found
        language = language.rpartition("-")[0]
    return texts_of(plugin)[path]


def filled(plugin: Plugin, more: Mapping[str, str]) -> Plugin:
    """The plugin with texts where it had none; its entities are replaced in its parts. What is in place stays."""
    entities: dict[str, Entity] = plugin.parts.get("entities", {})
    for name, entity in entities.items():
        path = f"entities.{name}"
        fields = {f.name: _described(f, more, f"{path}.fields.{f.name}") for f in entity.fields.values()}
        entities[name] = _described(replace(entity, fields=fields), more, path)
    return replace(plugin, description=plugin.description or more.get("description", ""))


def _described(thing: Any, more: Mapping[str, str], path: str) -> Any:
    added = more.get(f"{path}.description")
    return replace(thing, description=added) if added and not thing.description else thing


def _texts(plugin: Plugin) -> Iterator[tuple[str, str]]:
    yield from (("title", plugin.title), ("description", plugin.description))
    yield from ((f"roles.{role.id}.title", role.title) for role in plugin.roles.values())
    for purpose in plugin.purposes.values():
        yield from ((f"purposes.{purpose.id}.title", purpose.title), (f"purposes.{purpose.id}.text", purpose.text))
    yield from ((f"jobs.{job.id}.title", job.title) for job in plugin.jobs.values())
    for code_set in plugin.codes.values():
        yield f"codes.{code_set.id}.title", code_set.title
        yield from ((f"codes.{code_set.id}.{item.code}", item.title) for item in code_set.items.values())
    for name, entity in plugin.entities.items():
        yield from ((f"entities.{name}.title", entity.title), (f"entities.{name}.description", entity.description))
        for field in entity.fields.values():
            path = f"entities.{name}.fields.{field.name}"
            yield from ((f"{path}.title", field.title), (f"{path}.description", field.description))
            values: Mapping[str, str] = getattr(field, "values", None) or {}
            yield from ((f"{path}.values.{value}", title) for value, title in values.items())
    yield from _guide_texts(plugin)
    yield from _case_texts(plugin)


def _guide_texts(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """What people read before they apply, and while they fill in; of an item's last version."""
    for name, versions in plugin.services.items():
        item, path = versions[-1], f"services.{name}"
        yield from ((f"{path}.title", item.title), (f"{path}.summary", item.summary))
        for i, condition in enumerate(item.preconditions):
            yield f"{path}.preconditions.{i}", condition.message
        yield from ((f"{path}.materials.{material.id}", material.title) for material in item.materials)
        for i, (question, answer) in enumerate(item.faq):
            yield from ((f"{path}.faq.{i}.question", question), (f"{path}.faq.{i}.answer", answer))
    for name, form in plugin.forms.items():
        path = f"forms.{name}"
        yield f"{path}.title", form.title
        yield from ((f"{path}.groups.{i}", title) for i, (title, _) in enumerate(form.groups))
        for field, hints in form.ui.items():
            words = (key for key in ("title", "hint", "placeholder") if key in hints)
            yield from ((f"{path}.ui.{field}.{key}", hints[key]) for key in words)
        yield from ((f"{path}.consents.{id}", text) for id, text in form.consents.items())


def _case_texts(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """What citizens and staff read while a case goes on."""
    for name, flow in plugin.workflows.items():
        path = f"workflows.{name}"
        yield f"{path}.title", flow.title
        yield from ((f"{path}.pauses.{reason}", title) for reason, title in flow.pauses.items())
        for state in flow.states.values():
            yield f"{path}.states.{state.id}.title", state.title
            yield f"{path}.states.{state.id}.public", state.public or state.title
            yield from ((f"{path}.states.{state.id}.parts.{part.id}", part.title) for part in state.parts)
        for action in flow.actions.values():
            yield f"{path}.actions.{action.id}.title", action.title
            if action.guard_message:
                yield f"{path}.actions.{action.id}.guard_message", action.guard_message
    yield from ((f"dispatch.{table.id}.title", table.title) for table in plugin.dispatch.values())
    for message in plugin.messages.values():
        yield from ((f"messages.{message.id}.title", message.title), (f"messages.{message.id}.text", message.text))
    yield from ((f"documents.{paper.id}.title", paper.title) for paper in plugin.documents.values())
    for connector in plugin.connectors.values():
        path = f"connectors.{connector.id}"
        yield f"{path}.title", connector.title
        yield from ((f"{path}.operations.{one.id}", one.title) for one in connector.operations.values())
    yield from ((f"fees.{fee.id}.title", fee.title) for fee in plugin.fees.values())
    yield from ((f"bookings.{kind.id}.title", kind.title) for kind in plugin.bookings.values())
    yield from ((f"indicators.{number.id}.title", number.title) for number in plugin.indicators.values())
    yield from ((f"layers.{layer.id}.title", layer.title) for layer in plugin.layers.values())
