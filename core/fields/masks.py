"""Masks: what is shown of a text that no rule opens. Each is a Python function and an SQL expression that agree.

`sql` is a repeatable expression of the value; null stays null. Lengths count characters in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.fields.base import Field
from core.fields.operators import filter_columns

STARS = "****"
#: An address is shown up to its building; the first of these words that occurs ends it. "12号院3号楼" is building 3.
BUILDING_WORDS = ("号楼", "栋", "幢", "座", "号")
#: Characters shown of an address without a building: about the county.
ADDRESS_HEAD_CHARS = 6


@dataclass(frozen=True, slots=True)
class Mask:
    title: str
    apply: Callable[[str], str]
    #: (dialect name, SQL of the value) → SQL of the masked text.
    sql: Callable[[str, str], str]


def _ends(title: str, head: int, middle: str, tail: int) -> Mask:
    """Keep both ends around a fixed middle, so that the length stays unknown; short texts are all stars."""
    shortest = head + tail + 2

    def apply(value: str) -> str:
        return value[:head] + middle + value[len(value) - tail :] if len(value) >= shortest else STARS

    def sql(_dialect: str, value: str) -> str:
        ends = f"substr({value}, 1, {head}) || '{middle}' || substr({value}, length({value}) - {tail - 1}, {tail})"
        return f"CASE WHEN {value} IS NULL THEN NULL WHEN length({value}) >= {shortest} THEN {ends} ELSE '{STARS}' END"

    return Mask(title, apply, sql)


def _address(value: str) -> str:
    for word in BUILDING_WORDS:
        if (at := value.find(word)) >= 0:
            return value[: at + len(word)] + STARS
    return value[:ADDRESS_HEAD_CHARS] + STARS


def _address_sql(dialect: str, value: str) -> str:
    find = "strpos" if dialect == "postgres" else "instr"
    branches = "".join(
        f" WHEN {find}({value}, '{word}') > 0"
        f" THEN substr({value}, 1, {find}({value}, '{word}') + {len(word) - 1}) || '{STARS}'"
        for word in BUILDING_WORDS
    )
    return f"CASE{branches} ELSE substr({value}, 1, {ADDRESS_HEAD_CHARS}) || '{STARS}' END"


MASKS: Mapping[str, Mask] = {
    "name": Mask("姓名留首字", lambda v: v[:1] + "**", lambda _, v: f"substr({v}, 1, 1) || '**'"),
    "phone": _ends("电话留前三后四", 3, "****", 4),
    "idno": _ends("身份证号留前六后四", 6, "********", 4),
    "plate": _ends("号牌留地区和后三位", 2, "·**", 3),
    "tail4": _ends("只留后四位", 0, STARS, 4),
    "address": Mask("地址到楼栋", _address, _address_sql),
    "stars": Mask("全部隐去", lambda v: STARS, lambda _, v: f"CASE WHEN {v} IS NOT NULL THEN '{STARS}' END"),
}


def mask_of(field: Field) -> Mask | None:
    """The mask of a field; None = its masked value is null, because it is no free text."""
    columns = filter_columns(field)
    if len(columns) != 1 or columns[0].kind != "text" or field.graphql_scalar != "String":
        return None
    return MASKS[field.mask or field.default_mask]


def is_sensitive(field: Field) -> bool:
    """L3 and L4 are masked unless a rule opens them with `clear`."""
    return field.level in ("L3", "L4")
