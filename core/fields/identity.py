"""Numbers that name people, organisations, vehicles. The rules are our own: published libraries refuse valid ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.text import TEXT_OPERATORS, text_column, text_of

_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
#: Area code and number with or without a dash, an extension, or a 400 number.
_LANDLINE = re.compile(r"0[0-9]{2,3}-?[2-9][0-9]{6,7}(-[0-9]{1,6})?|400-?[0-9]{3}-?[0-9]{4}", re.ASCII)

_IDNO = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)
_IDNO_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDNO_CHECKS = "10X98765432"

#: GB 32100: no I, O, S, V, Z.
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(
    r"(1[1239]|2[19]|3[1234569]|4[19]|5[1239]|6[129]|7[129]|8[19]|9[123]|A[19]|N[1239]|Y1)[0-9]{6}"
    rf"[{USCC_ALPHABET}]{{8}}[0-9X][{USCC_ALPHABET}]",
    re.ASCII,
)
_ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_SERIAL = "A-HJ-NP-Z0-9"
#: GA 36-2018: five characters; six for new energy (small: letter first, large: letter last); special endings.
_PLATE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Z](([{_SERIAL}]{{5}})|([A-HJK][{_SERIAL}][0-9]{{4}})|([0-9]{{5}}[A-HJK])"
    rf"|([{_SERIAL}]{{4}}[挂学警港澳领]))|使[0-9]{{6}}"
)


def check_phone(value: str) -> None:
    if not (_MOBILE.fullmatch(value) or _LANDLINE.fullmatch(value)):
        raise FieldError("phone.format", "应为大陆手机号或固定电话，如 13800000000、0955-4012345")


def check_idno(value: str) -> None:
    """GB 11643. The area digits are the place of first issue, with its code of that time: not checked."""
    if not _IDNO.fullmatch(value):
        raise FieldError("idno.format", "应为 18 位公民身份号码")
    try:
        birth = date.fromisoformat(f"{value[6:10]}-{value[10:12]}-{value[12:14]}")
    except ValueError:
        raise FieldError("idno.birth", "其中的出生日期不存在") from None
    if birth.year < 1850 or birth > (datetime.now(UTC) + timedelta(hours=8)).date():
        raise FieldError("idno.birth", "其中的出生日期不可能")
    total = sum(weight * int(digit) for weight, digit in zip(_IDNO_WEIGHTS, value[:17], strict=True))
    if _IDNO_CHECKS[total % 11] != value[17]:
        raise FieldError("idno.checksum", "末位校验码不对，请核对号码")


def check_uscc(value: str) -> None:
    """GB 32100, with the organisation code of GB 11714 inside; village collectives (N1…N9) included."""
    if not _USCC.fullmatch(value):
        raise FieldError("uscc.format", "应为 18 位统一社会信用代码")
    total = sum(USCC_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(value[:17]))
    if USCC_ALPHABET[-total % 31] != value[17]:
        raise FieldError("uscc.checksum", "末位校验码不对，请核对代码")
    total = sum(weight * _ORG_ALPHABET.index(c) for weight, c in zip(_ORG_WEIGHTS, value[8:16], strict=True))
    if "0123456789X0"[11 - total % 11] != value[16]:
        raise FieldError("uscc.org-checksum", "主体标识码的校验码不对，请核对代码")


def check_plate(value: str) -> None:
    if not _PLATE.fullmatch(value):
        raise FieldError("plate.format", "应为机动车号牌，如 宁E12345、宁ED12345")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone(Field):
    """A mainland mobile or landline number."""

    type: ClassVar[str] = "phone"
    personal: ClassVar[bool] = True
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS
    default_mask: ClassVar[str] = "phone"
    widget: ClassVar[str] = "phone"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        check_phone(text := text_of(value))
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({_MOBILE.pattern}|{_LANDLINE.pattern})$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdNo(Field):
    """A resident identity number (GB 11643), kept in upper case."""

    type: ClassVar[str] = "idno"
    personal: ClassVar[bool] = True
    operators: ClassVar[tuple[str, ...]] = ("eq", "in", "isNull")
    default_mask: ClassVar[str] = "idno"
    widget: ClassVar[str] = "idno"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        text = text_of(value)
        check_idno(text := text.upper() if text.isascii() else text)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]{16}[0-9Xx]$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uscc(Field):
    """A unified social credit code (GB 32100), kept in upper case."""

    type: ClassVar[str] = "uscc"
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS
    default_mask: ClassVar[str] = "tail4"
    widget: ClassVar[str] = "uscc"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        text = text_of(value)
        check_uscc(text := text.upper() if text.isascii() else text)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9A-Za-z]{18}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate(Field):
    """A vehicle plate (GA 36), kept in upper case without the dot."""

    type: ClassVar[str] = "plate"
    options: ClassVar[Mapping[str, Any]] = {}
    personal: ClassVar[bool] = True
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS
    default_mask: ClassVar[str] = "plate"
    widget: ClassVar[str] = "plate"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        text = text_of(value).replace("·", "")
        # ASCII only: str.upper would change other letters.
        check_plate(text := "".join(c.upper() if c.isascii() else c for c in text))
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 7, "maxLength": 9}
