"""Codes of service items (GB/T 39554.1-2020): what a 实施编码 is made of, and whether its parts agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.fields.base import FieldError
from core.fields.identity import check_uscc

#: 统一社会信用代码 18, level 1, 基本编码 12 (province 2, type 2, number 8).
_CODE = re.compile(r"([0-9A-Z]{18})([0-9A-Z])([0-9]{2})([0-9]{2})([0-9]{8})", re.ASCII)
#: Nation, province, city, county, township, village. 3 and 4 are seen in published codes, the others unverified.
LEVELS = "123456"
#: Types of items by their digits; beyond 01 and 02 unverified.
TASK_TYPES: Mapping[str, str] = {
    "01": "行政许可", "02": "行政处罚", "03": "行政强制", "04": "行政征收", "05": "行政给付", "06": "行政检查",
    "07": "行政确认", "08": "行政奖励", "09": "行政裁决", "10": "其他行政权力", "20": "公共服务",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskCode:
    """The parts of a 31-digit 实施编码."""

    uscc: str
    level: str
    province: str
    type: str
    number: str

    @property
    def catalog_code(self) -> str:
        """基本编码."""
        return f"{self.province}{self.type}{self.number}"


def read_task_code(text: str) -> TaskCode | None:
    """The parts, right or wrong; None when the text has another shape."""
    found = _CODE.fullmatch(text)
    return TaskCode(*found.groups()) if found else None


def task_code_faults(code: TaskCode, elements: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parts, and where they differ from the elements declared beside them."""
    faults = []
    try:
        check_uscc(code.uscc)
    except FieldError as error:
        faults.append(f"前 18 位 {code.uscc} 不是统一社会信用代码：{error.message}")
    if code.level not in LEVELS:
        faults.append(f"第 19 位 {code.level} 不是行使层级（1–6）")
    faults += [f"基本编码 {code.catalog_code} 的{fault}" for fault in catalog_code_faults(code.catalog_code, elements)]
    if (written := elements.get("catalog_code", code.catalog_code)) != code.catalog_code:
        faults.append(f"后 12 位 {code.catalog_code} 与 catalog_code {written} 不同")
    if (body := elements.get("dept_code", code.uscc)) != code.uscc:
        faults.append(f"前 18 位与实施主体编码 dept_code {body} 不同")
    item = elements.get("task_handle_item_code", "")
    if item and item[:31] != f"{code.uscc}{code.level}{code.catalog_code}":
        faults.append(f"业务办理项编码 {item} 的前 31 位不是它")
    return faults


def catalog_code_faults(code: str, elements: Mapping[str, Any]) -> list[str]:
    """What is wrong with a 12-digit 基本编码."""
    if code[2:4] not in TASK_TYPES:
        return [f"第 3、4 位 {code[2:4]} 不是事项类型"]
    written = elements.get("task_type", code[2:4])
    return [f"第 3、4 位 {code[2:4]} 与事项类型 task_type {written} 不同"] if written != code[2:4] else []
