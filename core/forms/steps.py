"""The form of a step in a case: the fields an action may write, as the form of an application is told."""

from __future__ import annotations

from typing import Any

from core.fields import all_fields
from core.forms.schema import schema_of
from core.forms.view import hints_of
from core.manifest.cases import CaseAction
from core.manifest.model import Entity


def step_form(entity: Entity, action: CaseAction) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema 2020-12 of the values, and how they look. What must be filled may lie in the row already, so the
    schema asks for nothing: the step does."""
    known = all_fields(entity)
    fields = {name: known[name] for name in action.fields if name in known}
    ui = {"fields": {name: dict(hints_of(field, {})) for name, field in fields.items()}}
    return schema_of(action.title, fields, (), {}, {}), {"groups": [{"title": "", "fields": list(fields)}], **ui}
