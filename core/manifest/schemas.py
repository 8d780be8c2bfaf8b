"""Checking a document against the JSON Schema of its section: all errors, with places, in Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson
from tongban_sdk.problems import Problem

from core.manifest.document import Document
from core.manifest.findings import did_you_mean, error, shown

_TYPES = {
    "string": "文字",
    "integer": "整数",
    "number": "数字",
    "boolean": "true 或 false",
    "array": "列表",
    "object": "键值表",
    "null": "空",
}
Steps = Sequence[str | int]


@lru_cache
def read_schema(name: str) -> dict[str, Any]:
    """A schema shipped in the SDK, "entity.schema.json"."""
    text = files("tongban_sdk").joinpath("schemas", name).read_bytes()
    schema: dict[str, Any] = orjson.loads(text)
    return schema


@lru_cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    # Offline: a `$ref` to the net is an error, never a request. Regular expressions in linear time.
    return jsonschema_rs.Draft202012Validator(
        read_schema(name), offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def check_document(document: Document, schema: str, units: Sequence[str]) -> tuple[list[Problem], bool]:
    """Every difference between a document and its schema, and whether the rest can still be understood.

    What is wrong inside one entry of `units` ("fields") takes out that entry alone; unknown keys are taken out.
    """
    problems = list(_refs(document))
    usable = True
    for found in list(_validator(schema).iter_errors(document.value)):
        problems += _problems(document, read_schema(schema), found)
        usable = _take_out(document, found, units) and usable
    return problems, usable


def _take_out(document: Document, found: jsonschema_rs.ValidationError, units: Sequence[str]) -> bool:
    path: list[str | int] = list(found.instance_path)
    kind = found.kind.as_dict()
    if "unexpected" in kind:
        value = _at(document.value, path)
        for name in kind["unexpected"]:
            value.pop(name, None)
        return True
    if _keyword(found.schema_path) == "propertyNames":
        path.append(kind["error"].instance)
    if len(path) < 2 or path[0] not in units:
        return False
    document.drop(str(path[0]), path[1])
    return True


def _at(value: Any, path: Steps) -> Any:
    for step in path:
        value = value[step]
    return value


def _refs(document: Document) -> Iterator[Problem]:
    for path in document.key_paths():
        if path[-1] == "$ref":
            hint = "清单不引用其他文件或网址；把内容直接写出来"
            yield error("manifest.ref-refused", document.key_place(*path), "清单里不能用 $ref", hint)


def _problems(document: Document, schema: dict[str, Any], found: jsonschema_rs.ValidationError) -> Iterator[Problem]:
    path = tuple(found.instance_path)
    keyword = _keyword(found.schema_path)
    rule = _walk(schema, found.schema_path[:-1])
    place = document.place(*path)
    match found.kind.as_dict():
        case {"unexpected": names}:
            yield from _unknown_keys(document, path, names, rule)
        case {"property": str(name)}:
            title = rule.get("properties", {}).get(name, {}).get("title", "")
            hint = f"写上 {name}: …{f'（{title}）' if title else ''}"
            yield error("manifest.key-missing", place, f"{_name(path)}缺少 {name}", hint)
        case {"types": types}:
            wanted = "或".join(_TYPES[t] for t in types)
            message = f"{_name(path)}应为{wanted}，现在是{_described(found.instance)}"
            yield error("manifest.wrong-type", place, message, _type_hint(types, found.instance, rule))
        case {"options": options}:
            message = f"{_name(path)}不能是 {shown(found.instance)}"
            yield error("manifest.not-allowed", place, message, did_you_mean(str(found.instance), map(str, options)))
        case {"expected_value": expected}:
            message = f"{_name(path)}不能是 {shown(found.instance)}"
            yield error("manifest.not-allowed", place, message, f"只能是 {shown(expected)}")
        case {"error": inner} if keyword == "propertyNames":
            name = inner.instance
            hint = "以小写英文字母开头，只用小写字母、数字和单个下划线，最长 41 个字符"
            yield error("manifest.bad-name", document.key_place(*path, name), f"名称 {shown(name)} 无效", hint)
        case {"pattern": pattern}:
            hint = rule.get("x-hint") or f"应符合 {pattern}"
            yield error("manifest.bad-format", place, f"{_name(path)}的写法 {shown(found.instance)} 无效", hint)
        case {"limit": limit}:
            yield error("manifest.out-of-range", place, f"{_name(path)}{_limit(keyword, limit)}", _about(rule))
        case _ if keyword == "uniqueItems":
            yield error("manifest.duplicate-item", place, f"{_name(path)}里有重复的值", "删去重复的")
        case _:
            yield error("manifest.not-allowed", place, f"{_name(path)}的内容无效", rule.get("title", ""))


def _about(rule: dict[str, Any]) -> str:
    return str(rule.get("description") or rule.get("title", ""))


def _unknown_keys(document: Document, path: Steps, names: Sequence[str], rule: dict[str, Any]) -> Iterator[Problem]:
    for name in names:
        if name != "$ref":
            hint = did_you_mean(name, rule.get("properties", {}))
            place = document.key_place(*path, name)
            yield error("manifest.unknown-key", place, f"{_name(path)}里没有 {shown(name)} 这个键", hint)


def _keyword(steps: Steps) -> str | int:
    return "propertyNames" if "propertyNames" in steps[-2:] else steps[-1] if steps else ""


def _walk(schema: Any, steps: Steps) -> dict[str, Any]:
    for step in steps:
        schema = schema[int(step)] if isinstance(schema, list) else schema.get(step, {})
    return schema if isinstance(schema, dict) else {}


def _name(path: Steps) -> str:
    return f"{shown('.'.join(map(str, path)), 100)} " if path else "文件"


def _described(value: Any) -> str:
    if value is None:
        return "空"
    kind = next(name for cls, name in _KINDS if isinstance(value, cls))
    return kind if isinstance(value, (list, dict)) else f"{kind} {shown(value)}"


# bool first: in Python it is an int.
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "布尔值"),
    (int, "整数"),
    (float, "小数"),
    (str, "文字"),
    (list, "列表"),
    (dict, "键值表"),
)


def _type_hint(types: Sequence[str], value: Any, rule: dict[str, Any]) -> str:
    if "string" in types and not isinstance(value, (list, dict)):
        return "加上引号" if value is not None else "写上内容"
    if {"number", "integer"} & set(types) and isinstance(value, str):
        return "只写数，不加引号和单位"
    if "boolean" in types and str(value).lower() in ("yes", "no", "on", "off"):
        return "YAML 1.2 只认 true 和 false"
    if "object" in types and (names := rule.get("required")):
        return f"写成 {{{', '.join(f'{name}: …' for name in names)}}}"
    if "object" in types and isinstance(value, list):
        return "每一项写成 名称: …，前面不加 -"
    return _about(rule) if "object" in types else ""


_LIMITS = {
    "minimum": "不能小于 {0}",
    "maximum": "不能大于 {0}",
    "exclusiveMinimum": "应大于 {0}",
    "exclusiveMaximum": "应小于 {0}",
    "minLength": "至少 {0} 个字",
    "maxLength": "至多 {0} 个字",
    "minItems": "至少 {0} 项",
    "maxItems": "至多 {0} 项",
    "minProperties": "至少 {0} 个键",
    "maxProperties": "至多 {0} 个键",
}


def _limit(keyword: str | int, limit: Any) -> str:
    return _LIMITS.get(str(keyword), "超出范围（{0}）").format(limit)
