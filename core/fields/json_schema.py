"""What a JSON Schema (2020-12) refuses, as problems of an input: by path, in Chinese, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
from tongban_sdk.errors import InputProblem

#: Keyword → (stable id, sentence); {0} is the limit.
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "minLength": ("form.too-short", "至少 {0} 个字"),
    "maxLength": ("form.too-long", "至多 {0} 个字"),
    "pattern": ("form.pattern", "不符合规定的格式"),
    "minimum": ("form.too-small", "不能小于 {0}"),
    "maximum": ("form.too-big", "不能大于 {0}"),
    "exclusiveMinimum": ("form.too-small", "应大于 {0}"),
    "exclusiveMaximum": ("form.too-big", "应小于 {0}"),
    "multipleOf": ("form.multiple", "不是规定的倍数"),
    "minItems": ("form.too-few", "至少 {0} 项"),
    "maxItems": ("form.too-many", "至多 {0} 项"),
    "uniqueItems": ("form.doubles", "不能有重复的项"),
    "enum": ("form.not-allowed", "不在可选的范围内"),
    "const": ("form.not-allowed", "不是要求的值"),
    "type": ("form.type", "填写的内容类型不对"),
}
_RULE = ("form.rule", "填写的内容不符合要求，请看本表的填写提示")
Steps = Sequence[str | int]


def validator_of(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Never a request to the net for a `$ref`; regular expressions in linear time."""
    return jsonschema_rs.Draft202012Validator(dict(schema), offline=True, pattern_options=jsonschema_rs.RegexOptions())


def problems_of(schema: Mapping[str, Any], value: Any, root: str) -> Iterator[InputProblem]:
    """Everything `schema` refuses in `value`; paths begin with `root`."""
    for error in validator_of(schema).iter_errors(value):
        yield from problem_of(schema, error, root)


def problem_of(
    schema: Mapping[str, Any], error: jsonschema_rs.ValidationError, root: str, titled: Callable[[str], str] = str
) -> Iterator[InputProblem]:
    """What one error says. A rule of the schema may bring its own words as `x-message`."""
    path = (root, *error.instance_path)
    facts, keyword = error.kind.as_dict(), str(error.schema_path[-1])
    own = _at(schema, error.schema_path[:-1]).get("x-message")
    if keyword == "required":
        name = facts["property"]
        yield InputProblem((*path, name), own or f"{titled(name)}是必填项", "input.required")
    elif "unexpected" in facts:
        for name in facts["unexpected"]:
            yield InputProblem((*path, name), "没有这个可填写的字段", "input.unknown-field")
    else:
        id, sentence = _SENTENCES.get(keyword, _RULE)
        yield InputProblem(path, own or sentence.format(facts.get("limit")), id)


def _at(schema: Any, steps: Steps) -> Mapping[str, Any]:
    for step in steps:
        schema = schema[int(step)] if isinstance(schema, list) else schema.get(step, {})
    return schema if isinstance(schema, Mapping) else {}
