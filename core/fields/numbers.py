"""Numbers and booleans. A decimal travels as text; a float never enters, so cents are exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal as Dec
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.text import COMPARISONS

INT32_MAX = 2**31 - 1
#: The largest integer that JavaScript clients read exactly.
SAFE_MAX = 2**53 - 1
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,18})?", re.ASCII)
_BOUND = {"type": ["string", "integer"], "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Field):
    """Yes or no."""

    type: ClassVar[str] = "boolean"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "isNull")
    scalar: ClassVar[str] = "Boolean"
    widget: ClassVar[str] = "switch"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column(self.name, "bool", null=not self.required, default=self.default, renamed_from=self.renamed_from),
        )

    def parse(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise FieldError("boolean.type", "应为 true 或 false")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A whole number; 32 bits unless min or max say more."""

    type: ClassVar[str] = "integer"
    options: ClassVar[Mapping[str, Any]] = {
        "min": {"type": "integer", "minimum": -SAFE_MAX, "maximum": SAFE_MAX, "title": "最小值"},
        "max": {"type": "integer", "minimum": -SAFE_MAX, "maximum": SAFE_MAX, "title": "最大值"},
    }
    operators: ClassVar[tuple[str, ...]] = COMPARISONS
    scalar: ClassVar[str] = "Int"
    widget: ClassVar[str] = "number"

    min: int = -INT32_MAX - 1
    max: int = INT32_MAX

    @property
    def graphql_scalar(self) -> str:
        return "Long" if self.min < -INT32_MAX - 1 or self.max > INT32_MAX else "Int"

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.name, "int", null=not self.required, default=self.default, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldError("integer.type", "应为整数")
        if not self.min <= value <= self.max:
            raise FieldError("integer.range", f"应在 {self.min} 与 {self.max} 之间")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.min, "maximum": self.max}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimal(Field):
    """An exact number with a fixed number of decimals; more decimals than declared are refused, never rounded."""

    type: ClassVar[str] = "decimal"
    options: ClassVar[Mapping[str, Any]] = {
        # 18 digits fit the 64-bit integers in which SQLite holds them.
        "precision": {"type": "integer", "minimum": 1, "maximum": 18, "title": "总位数"},
        "scale": {"type": "integer", "minimum": 0, "maximum": 18, "title": "小数位数"},
        "min": _BOUND | {"title": "最小值"},
        "max": _BOUND | {"title": "最大值"},
    }
    required_options: ClassVar[tuple[str, ...]] = ("precision", "scale")
    operators: ClassVar[tuple[str, ...]] = COMPARISONS
    scalar: ClassVar[str] = "Decimal"
    widget: ClassVar[str] = "decimal"

    precision: int = 18
    scale: int = 2
    min: str | int | None = None
    max: str | int | None = None

    def columns(self) -> tuple[Column, ...]:
        null = not self.required
        return (Column(self.name, "decimal", self.scale, null, self.default, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> Dec:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise FieldError("decimal.type", '应为写成文字的小数，如 "12.50"')
        text = str(value) if isinstance(value, str) or abs(value) < 10**19 else ""
        if not _DECIMAL.fullmatch(text):
            raise FieldError("decimal.format", '应为小数，如 "12.50"')
        number = Dec(text)
        if len(text.partition(".")[2]) > self.scale:
            raise FieldError("decimal.scale", f"至多 {self.scale} 位小数")
        self._check_range(number)
        # Adding zero turns -0 into 0.
        return number.quantize(Dec(1).scaleb(-self.scale)) + 0

    def _check_range(self, number: Dec) -> None:
        limit = Dec(10) ** (self.precision - self.scale)
        if abs(number) >= limit:
            raise FieldError("decimal.precision", f"小数点前至多 {self.precision - self.scale} 位")
        low, high = self.min, self.max
        if (low is not None and number < Dec(low)) or (high is not None and number > Dec(high)):
            bounds = (f"不小于 {low}" if low is not None else "", f"不大于 {high}" if high is not None else "")
            raise FieldError("decimal.range", "应" + "、".join(b for b in bounds if b))

    def json_schema(self) -> dict[str, Any]:
        whole, part = self.precision - self.scale, self.scale
        digits = f"-?[0-9]{{1,{max(whole, 1)}}}" + (f"(\\.[0-9]{{1,{part}}})?" if part else "")
        return {"type": ["string", "integer"], "pattern": f"^{digits}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money(Decimal):
    """Yuan (CNY) with two decimals."""

    type: ClassVar[str] = "money"
    options: ClassVar[Mapping[str, Any]] = {key: Decimal.options[key] for key in ("min", "max")}
    required_options: ClassVar[tuple[str, ...]] = ()
    widget: ClassVar[str] = "money"
