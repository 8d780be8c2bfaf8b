"""entity.schema.json is made from the field classes, so that a field type says everything about itself in one place.

`python -m core.manifest.entity_schema` writes it; a test compares the committed file.
"""

from __future__ import annotations

import json
from typing import Any

from core.fields import FIELD_TYPES, Field
from core.fields.masks import MASKS
from core.settings import ROOT

FILE = ROOT / "sdk/src/tongban_sdk/schemas/entity.schema.json"
NAME = {"pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$", "maxLength": 41}
EXTENSIBLE: dict[str, Any] = {"additionalProperties": False, "patternProperties": {"^x-": True}}
_LINE = {"type": "string", "minLength": 1, "maxLength": 60}
_SUBJECT = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,4}$"
_SUBJECT_HINT = "写引用字段的名字，如 owner 或 vehicle.owner；几个人写 [owner, agent]"
_COLUMNS = {"type": "array", "minItems": 1, "items": {"type": "string"}, "uniqueItems": True}

#: Field types as people call them; a test compares the keys with FIELD_TYPES.
TYPE_TITLES = {
    "boolean": "是否",
    "code": "代码集里的代码",
    "computed": "由表达式算出的值",
    "date": "日期",
    "datetime": "时间，须带时区",
    "decimal": "小数",
    "division": "12 位区划代码",
    "enum": "几个值之一",
    "file": "上传的文件",
    "grid": "15 位网格代码",
    "idno": "公民身份号码（GB 11643）",
    "integer": "整数",
    "json": "任意 JSON，至多 64 KB",
    "list": "一组值",
    "money": "金额（元，两位小数）",
    "path": "树上的路径，系统按上级生成",
    "phone": "电话",
    "plate": "机动车号牌",
    "point": "坐标点，须带坐标系，以 CGCS2000 存下",
    "polygon": "面（GeoJSON），须带坐标系",
    "ref": "引用另一个实体的一行",
    "sequence": "系统编的号",
    "string": "一行文字",
    "text": "多行文字",
    "time": "一天中的时刻",
    "uscc": "统一社会信用代码（GB 32100）",
}

#: Keys of every field; the options of its type are added.
COMMON: dict[str, Any] = {
    "type": {"title": "类型"},
    "title": _LINE | {"title": "名称"},
    "description": {"type": "string", "title": "说明", "maxLength": 500},
    "required": {"type": "boolean", "title": "必填", "default": False},
    "unique": {"type": "boolean", "title": "不重复", "default": False},
    "index": {"type": "boolean", "title": "建索引", "default": False},
    "keyed": {
        "type": "boolean",
        "title": "按值可查",
        "description": "另存一个带密钥的散列：加密存放时仍可查重、按 eq 和 in 查找",
        "default": False,
    },
    "level": {
        "enum": ["L1", "L2", "L3", "L4"],
        "title": "数据分级",
        "description": "默认 L2；个人信息的类型必须写明",
        "default": "L2",
    },
    "purpose": {"type": "string", "title": "目的", "description": "plugin.yaml 的 purposes 之一；L4 必填"},
    "default": {"title": "默认值"},
    "mask": {"enum": sorted(MASKS), "title": "脱敏方式", "description": "不写就用类型自己的"},
    "renamed_from": {"type": "string", "title": "原名", "description": "上一版的字段名，迁移时改列名"},
    "deprecated": {
        "type": "string",
        "title": "停用说明",
        "description": "只为旧客户端留着的字段：写明改用什么；接口上标为 deprecated，下一版才可删去",
        "minLength": 1,
        "maxLength": 200,
    },
}


def entity_schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://tongban.example/schemas/entity.schema.json",
        "$comment": "made by: python -m core.manifest.entity_schema",
        "title": "实体",
        "description": "entities/<名称>.yaml：一种数据，一张表、一个 GraphQL 类型",
        "type": "object",
        "required": ["entity", "title", "fields"],
        **EXTENSIBLE,
        "properties": _PROPERTIES,
        "$defs": {"field": _field(), **{f"field_{name}": _options(cls) for name, cls in FIELD_TYPES.items()}},
    }


_PROPERTIES: dict[str, Any] = {
    "entity": {"type": "string", "title": "标识", "description": "与文件同名", **NAME},
    "title": _LINE | {"title": "名称"},
    "description": {"type": "string", "title": "说明", "maxLength": 500},
    "plural": {"type": "string", "title": "复数", "description": "列表的名字，默认加 s", **NAME},
    "display": {"type": "string", "title": "代表字段", "description": "只能显示一行时用的字段"},
    "history": {"type": "boolean", "title": "留历史", "description": "每次改动留一行，默认留", "default": True},
    "division_from": {"type": "string", "title": "区划来自", "description": "引用字段；新行取所指行的区划"},
    "renamed_from": {"type": "string", "title": "原名", "description": "上一版的实体名，迁移时改表名"},
    "subject": {
        "type": ["string", "array"],
        "title": "记录的是谁",
        "description": "self（本表就是人）、指向 core.person 的引用（可隔几步：vehicle.owner）、none（不记录人）；"
        "涉及几个人就写成一组",
        "pattern": _SUBJECT,
        "minItems": 1,
        "maxItems": 8,
        "uniqueItems": True,
        "items": {"type": "string", "pattern": _SUBJECT, "x-hint": _SUBJECT_HINT},
        "x-hint": _SUBJECT_HINT,
    },
    "group_min": {
        "type": "integer",
        "title": "统计的最小组",
        "description": "统计里少于这么多行的组不显示",
        "minimum": 2,
        "maximum": 1000,
    },
    "case": {"type": "string", "title": "办件编号", "description": "存放办件编号的字段；办件的参与人凭它看到本行"},
    "fields": {
        "type": "object",
        "title": "字段",
        "minProperties": 1,
        "maxProperties": 200,
        "propertyNames": NAME,
        "additionalProperties": {"$ref": "#/$defs/field"},
    },
    "indexes": {
        "type": "array",
        "title": "索引",
        "description": "每个是一组字段名，前面加 - 是降序",
        "maxItems": 30,
        "items": _COLUMNS,
    },
    "unique": {"type": "array", "title": "不重复的组合", "maxItems": 30, "items": _COLUMNS},
    "no_overlap": {
        "type": "array",
        "title": "不重叠的时段",
        "description": "per 相同的行，since 到 until（不含）的时段不能重叠；until 为空表示一直有效",
        "maxItems": 5,
        "items": {
            "type": "object",
            "required": ["per", "since", "until"],
            **EXTENSIBLE,
            "properties": {
                "per": {**_COLUMNS, "title": "谁的时段", "maxItems": 5},
                "since": {"type": "string", "title": "开始"},
                "until": {"type": "string", "title": "结束"},
            },
        },
    },
}


def _field() -> dict[str, Any]:
    """The type first, then exactly the keys of that type: an error names the key, not a list of alternatives."""
    return {
        "type": "object",
        "required": ["type", "title"],
        "properties": {"type": {"enum": list(FIELD_TYPES)}},
        "allOf": [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": name}}},
                "then": {"$ref": f"#/$defs/field_{name}"},
            }
            for name in FIELD_TYPES
        ],
    }


def _options(cls: type[Field]) -> dict[str, Any]:
    return {
        "title": cls.type,
        "description": TYPE_TITLES.get(cls.type, cls.type),
        "required": list(cls.required_options),
        **EXTENSIBLE,
        "properties": {**COMMON, **cls.options},
    }


def schema_text() -> str:
    return json.dumps(entity_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
