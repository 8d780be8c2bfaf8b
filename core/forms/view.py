"""One form ready to be shown and checked: schema, how it looks, what must be ticked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jsonschema_rs
from tongban_sdk.errors import UnavailableError

from core.fields import Field, all_fields
from core.fields.choices import Code
from core.fields.json_schema import validator_of
from core.fields.refs import File, Ref
from core.fields.structured import List
from core.forms.schema import schema_of, sure
from core.manifest.cases import Form, Material, Service
from core.manifest.form_fields import applicant_field, default_form, writable_fields
from core.manifest.items import NEEDS, SOURCES
from core.manifest.model import Entity, World


@dataclass(frozen=True)
class FormView:
    """The form of one version of a service item."""

    service: str
    title: str
    entity: Entity
    #: In the order in which they are asked.
    fields: Mapping[str, Field]
    #: JSON Schema 2020-12 of the data; the browser and the server check the same.
    schema: Mapping[str, Any]
    #: {"groups": [{title, fields}], "fields": {name: {widget, title, hint, showIf, prefill, options …}}}
    ui: Mapping[str, Any]
    #: Statements the person must tick: id → text. Never ticked beforehand.
    consents: Mapping[str, str]
    #: Field → rule over the fields above it.
    show_if: Mapping[str, Mapping[str, Any]]
    #: Ref the host fills with who applies; "" = none.
    applicant_field: str

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        return validator_of(self.schema)

    @cached_property
    def shows(self) -> Mapping[str, jsonschema_rs.Draft202012Validator]:
        return {name: validator_of(rule) for name, rule in self.show_if.items()}


_KEPT: dict[str, tuple[World, Service, FormView]] = {}


def form_of(world: World, service: Service) -> FormView:
    """The form of a service item: the one it names, else made of the fields citizens may fill in."""
    key = f"{service.key}@{service.version}"
    kept = _KEPT.get(key)
    if kept is None or kept[0] is not world or kept[1] is not service:
        kept = _KEPT[key] = (world, service, _view(world, service))
    return kept[2]


def _view(world: World, service: Service) -> FormView:
    entity = world.entity(service.entity)
    if entity is None:
        raise UnavailableError(f"“{service.title}”现在不能办理，请稍后再试")
    form = _form(world, service, entity)
    known = writable_fields(entity)
    groups = [(title, [name for name in names if name in known]) for title, names in form.groups]
    fields = {name: all_fields(entity)[name] for _, names in groups for name in names}
    show_if = {n: sure(h["showIf"]) for n, h in form.ui.items() if n in fields and "showIf" in h}
    materials = {m.file_field: m for m in service.materials if m.file_field in fields}
    required = {n for n, f in fields.items() if f.required and f.default is None}
    required |= {n for n, m in materials.items() if m.need == "required" and not m.licence}
    hints = {n: dict(hints_of(f, form.ui.get(n, {}), materials.get(n))) for n, f in fields.items()}
    for name, rule in show_if.items():
        hints[name]["showIf"] = rule
    ui = {"groups": [{"title": title, "fields": names} for title, names in groups if names], "fields": hints}
    schema = schema_of(form.title, fields, required, show_if, form.refine)
    applicant = applicant_field(entity)
    return FormView(
        service.key, form.title, entity, fields, schema, ui, form.consents, show_if,
        "" if applicant in fields else applicant,
    )  # fmt: skip


def _form(world: World, service: Service, entity: Entity) -> Form:
    plugin_id, _, name = service.form.partition(".")
    plugin = world.plugins.get(plugin_id)
    found = plugin.forms.get(name) if plugin else None
    return found or default_form(entity, world.rules)


def hints_of(field: Field, hints: Mapping[str, Any], material: Material | None = None) -> Iterator[tuple[str, Any]]:
    """How one field looks: of itself, as the form wants it, and of the material it holds."""
    yield "title", hints.get("title", material.title if material else field.title)
    yield "widget", hints.get("widget", field.widget)
    yield from ((key, hints[key]) for key in ("hint", "placeholder", "prefill") if key in hints)
    match field:
        case Ref():
            yield "entity", field.to
        case File():
            yield from (("accept", list(field.accept)), ("maxBytes", field.max_bytes))
        case Code() | List() if field.code_set:
            yield "codeSet", field.code_set
    if values := getattr(field, "values", None):
        yield "options", [{"value": value, "title": title} for value, title in values.items()]
    if material is not None:
        yield "material", _told(material)


def _told(material: Material) -> dict[str, Any]:
    return {
        "id": material.id, "need": NEEDS[material.need], "source": SOURCES[material.source],
        "licence": material.licence, **material.elements,
    }  # fmt: skip
