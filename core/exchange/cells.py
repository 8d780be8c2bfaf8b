"""One cell of text as a value of a field, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from core.exchange.formula import neutral, original
from core.fields.base import Field, FieldError
from core.fields.choices import Code, Enum
from core.fields.numbers import Boolean, Decimal, Integer, Money
from core.fields.places import Point, Polygon
from core.fields.structured import Json, List
from core.fields.times import Date, DateTime
from core.manifest.model import World

BOOLEANS = {"是": True, "否": False, "true": True, "false": False, "1": True, "0": False}
SEPARATORS = re.compile("[;；、]")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?", re.ASCII)
_MOMENT = re.compile(r"(.+?)[ T]([0-9]{1,2}):([0-9]{2})(:[0-9]{2})?")
#: What every mask of a text puts in the place of what it hides.
_MASKED = "**"
Titles = Mapping[str, str]


def titles_of(field: Field, world: World) -> Titles:
    """Title → code, for titles that mean one code."""
    codes: dict[str, str] = {}
    if isinstance(field, Enum | List) and field.values:
        codes = dict(field.values)
    elif isinstance(field, Code | List) and field.code_set:
        codes = {item.code: item.title for item in world.codes[field.code_set].items.values()}
    all_titles = list(codes.values())
    return {title: code for code, title in codes.items() if all_titles.count(title) == 1}


def value_of(field: Field, text: str, titles: Titles) -> Any:
    """The JSON value a client would send for this text (never empty); FieldError. It is still to be parsed."""
    if field.level in ("L3", "L4") and _MASKED in text:
        raise FieldError("import.masked", "这是脱敏后的值，导入会毁掉原值")
    for kinds, reader in _READERS:
        if isinstance(field, kinds):
            return reader(text.strip(), titles, field)
    return original(text)


def _boolean(text: str, titles: Titles, field: Field) -> Any:
    return BOOLEANS.get(text.lower(), text)


def _integer(text: str, titles: Titles, field: Field) -> Any:
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text, re.ASCII) else text


def _choice(text: str, titles: Titles, field: Field) -> Any:
    return titles.get(text, text)


def _list(text: str, titles: Titles, field: Field) -> Any:
    if text.startswith("["):
        return _json(text, titles, field)
    items = [part.strip() for part in SEPARATORS.split(text)]
    is_integer = isinstance(field, List) and field.of == "integer"
    return [_integer(item, titles, field) if is_integer else titles.get(item, original(item)) for item in items]


def _json(text: str, titles: Titles, field: Field) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise FieldError("import.json", "不是有效的 JSON") from None


def _point(text: str, titles: Titles, field: Field) -> Any:
    parts = re.split("[,， ]+", text)
    try:
        lng, lat = (float(part) for part in parts)
    except ValueError:
        return _json(text, titles, field)
    return {"lng": lng, "lat": lat, "crs": "CGCS2000"}


def _date(text: str, titles: Titles, field: Field) -> Any:
    """Spreadsheets write dates their own way."""
    found = _DATE.fullmatch(text)
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else text


def _moment(text: str, titles: Titles, field: Field) -> Any:
    """Without an offset it is the clock of the county."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return text
    return f"{_date(found[1], titles, field)}T{int(found[2]):02}:{found[3]}{found[4] or ':00'}+08:00"


_READERS: tuple[tuple[Any, Callable[[str, Titles, Field], Any]], ...] = (
    (Boolean, _boolean), (Integer, _integer), ((Enum, Code), _choice), (List, _list), (Point, _point),
    ((Json, Polygon), _json), (Date, _date), (DateTime, _moment), ((Decimal, Money), lambda text, titles, field: text),
)  # fmt: skip


def cell_of(field: Field, value: Any, names: Mapping[str, str]) -> str:
    """What the API answered, as text for a spreadsheet. `names` is code → title."""
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case int() | float():
            return str(value)
        case {"lng": lng, "lat": lat}:
            return f"{lng},{lat}"
        case list() if isinstance(field, List):
            return "；".join(neutral(names.get(str(item), str(item))) for item in value)
        case str() if isinstance(field, Decimal | Money):
            return value
        case str():
            return neutral(names.get(value, value))
    return neutral(orjson.dumps(value).decode())
