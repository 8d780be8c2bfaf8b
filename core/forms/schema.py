"""JSON Schema 2020-12 of a form's data: what the fields say, narrowed by what the form asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.fields.base import Field

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Rule = Mapping[str, Any]
_ONE = ("not", "if", "then", "else")
_MANY = ("allOf", "anyOf")
#: Keywords of which the greater, or the smaller, value is the stricter.
_GREATER = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems"})
_SMALLER = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems"})


def schema_of(
    title: str, fields: Mapping[str, Field], required: Collection[str], show_if: Mapping[str, Rule], refine: Rule
) -> dict[str, Any]:
    """The schema of an object of these fields. What is shown under a condition is required under it."""
    refined = refine.get("properties", {})
    asked = {*required, *refine.get("required", ())}
    further = [
        *({"if": show_if[name], "then": {"required": [name]}} for name in fields if name in asked & show_if.keys()),
        *_further(refine),
    ]
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "properties": {name: narrowed(_property(field), refined.get(name, {})) for name, field in fields.items()},
        "required": [name for name in fields if name in asked and name not in show_if],
        # An empty list is no schema.
        **({"allOf": further} if further else {}),
    }


def _property(field: Field) -> dict[str, Any]:
    about = {"title": field.title} | ({"description": field.description} if field.description else {})
    return about | field.json_schema()


def _further(refine: Rule) -> list[dict[str, Any]]:
    """Rules over several fields, beside those of single ones."""
    rest = {key: value for key, value in refine.items() if key not in ("properties", "required", "allOf")}
    return [*refine.get("allOf", ()), *([rest] if rest else [])]


def narrowed(schema: Rule, rule: Rule) -> dict[str, Any]:
    """What fits both. A rule never opens what the field refuses."""
    found = dict(schema)
    for key, value in rule.items():
        found[key] = _stricter(key, found[key], value) if key in found else value
    return found


def _stricter(key: str, old: Any, new: Any) -> Any:
    if key in _GREATER:
        return max(old, new)
    if key in _SMALLER:
        return min(old, new)
    if key == "enum":
        return [value for value in old if value in new]
    return narrowed(old, new) if key == "items" else new


def sure(rule: Rule) -> dict[str, Any]:
    """The rule as people mean it: a field it speaks about is there. To JSON Schema an absent one fits everything."""
    found = {key: sure(value) if key in _ONE else value for key, value in rule.items()}
    found |= {key: [sure(part) for part in rule[key]] for key in _MANY if key in rule}
    if names := [*rule.get("required", ()), *rule.get("properties", {})]:
        found["required"] = list(dict.fromkeys(names))
    return found
