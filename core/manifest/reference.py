"""The manifest reference, made from the schemas: one page per kind of file.

`python -m core.manifest.reference` writes docs/manifest/; a test compares the committed pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from core.manifest.schemas import read_schema
from core.manifest.sections import Section, sections
from core.settings import ROOT

FOLDER = ROOT / "docs/manifest"
HEADER = "<!-- made by: python -m core.manifest.reference -->\n\n"
_TYPES = {
    "string": "文字", "integer": "整数", "number": "数字", "boolean": "是否",
    "array": "列表", "object": "键值表", "null": "空",
}  # fmt: skip
_LIMITS = {
    "pattern": "格式 `{}`", "minLength": "至少 {} 字", "maxLength": "至多 {} 字", "minimum": "≥ {}", "maximum": "≤ {}",
    "minItems": "至少 {} 项", "maxItems": "至多 {} 项", "default": "默认 `{}`",
}  # fmt: skip


def pages() -> dict[str, str]:
    """File name → text of every page, the index included."""
    found = {f"{section.name}.md": _page(section) for section in sections()}
    return {"README.md": _index(), **found}


def _index() -> str:
    lines = ["# 清单参考", "", "一个插件是 `manifests/<标识>/` 文件夹。不认识的键一律是错误，`x-` 开头的除外。", ""]
    lines += ["| 文件 | 内容 | 页 |", "|---|---|---|"]
    for section in sections():
        schema = read_schema(section.schema)
        files = "、".join(f"`{file}`" for file in section.files)
        lines.append(f"| {files} | {schema['title']} | [{section.name}]({section.name}.md) |")
    lines += ["", "`where` 和 `expr` 里写[表达式](../expressions.md)。"]
    return HEADER + "\n".join(lines) + "\n"


def _page(section: Section) -> str:
    schema = read_schema(section.schema)
    files = "、".join(f"`{file}`" for file in section.files)
    lines = [f"# {schema['title']}", "", schema["description"], "", f"文件：{files}；模式：`{section.schema}`", ""]
    lines += _table(schema, schema)
    parts = {name: part for name, part in schema.get("$defs", {}).items() if "properties" in part}
    common = _common_keys(parts)
    for name, part in parts.items():
        keys = common if "allOf" in part else {k: v for k, v in part["properties"].items() if k not in common}
        lines += ["", f"## {name}", ""]
        lines += [part["description"], ""] if "description" in part else []
        kinds = [kind for kind in parts if kind.startswith(f"{name}_")] if "allOf" in part else []
        lines += (
            ["`type` 是其中之一，各自的键见下：" + " ".join(f"[{k[len(name) + 1 :]}](#{k})" for k in kinds), ""]
            if kinds
            else []
        )
        lines += _table({**part, "properties": keys}, schema) if keys else ["没有更多的键。"]
    lines += _examples(schema)
    return HEADER + "\n".join(lines) + "\n"


def _examples(schema: dict[str, Any]) -> Iterator[str]:
    for example in schema.get("examples", ()):
        text = yaml.safe_dump(example, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
        yield from ("", "## 例子", "", "```yaml", text.rstrip("\n"), "```")


def _common_keys(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Keys every variant of a part has ("field_date", "field_enum"): told once, with the part itself."""
    whole = next((name for name, part in parts.items() if "allOf" in part), None)
    variants = [part["properties"] for name, part in parts.items() if whole and name.startswith(f"{whole}_")]
    return {key: value for key, value in variants[0].items() if all(key in v for v in variants)} if variants else {}


def _table(part: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if "properties" not in part:
        yield "键是任意路径，值是文字。"
        return
    yield from ("| 键 | 必填 | 类型 | 说明 |", "|---|---|---|---|")
    for name, value in _rows("", part):
        required = "是" if value.pop("required-here") else ""
        yield f"| `{name}` | {required} | {_type(value, root)} | {_description(value, root)} |"


def _rows(prefix: str, part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys of an object, and of the objects written inside it."""
    for name, value in part["properties"].items():
        yield prefix + name, {**value, "required-here": name in part.get("required", ())}
        if "properties" in value:
            yield from _rows(f"{prefix}{name}.", value)


def _resolved(value: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A reference with what it points at; keys beside `$ref` win."""
    reference = value.get("$ref", "").removeprefix("#/$defs/")
    return {**root["$defs"][reference], **value} if reference else value


def _type(value: dict[str, Any], root: dict[str, Any]) -> str:
    name = value.get("$ref", "").removeprefix("#/$defs/")
    value = _resolved(value, root)
    if "enum" in value:
        return " ".join(f"`{option}`" for option in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if name and "properties" in value:
        return f"[{name}](#{name})"
    if "items" in value and "then" not in value:
        return f"列表：{_type(value['items'], root)}"
    if isinstance(entries := value.get("additionalProperties"), dict):
        return f"名称 → {_type(entries, root)}"
    if "then" in value:
        return '`"*"` 或列表'
    types = value.get("type", "任意")
    return "或".join(_TYPES.get(t, t) for t in ([types] if isinstance(types, str) else types))


def _description(value: dict[str, Any], root: dict[str, Any]) -> str:
    value = _resolved(value, root)
    words = [value[key] for key in ("title", "description", "x-hint") if value.get(key)]
    limits = [text.format(_shown(value[key])) for key, text in _LIMITS.items() if key in value]
    return "；".join((*words, *limits)).replace("|", "\\|").replace("\n", " ")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
