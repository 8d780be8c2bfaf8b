"""Pages of a list that is ordered by a time and an id: a cursor says where the next one begins."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from tongban_sdk.errors import InvalidInputError

from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.store.dialect import datetime_text

FIRST_MAX = 100
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    #: Where the next page begins; None on the last one.
    cursor: str | None


def check_first(first: int) -> int:
    if not 1 <= first <= FIRST_MAX:
        raise InvalidInputError(f"每页应为 1 到 {FIRST_MAX} 条")
    return first


def cursor_of(at: datetime, id: str) -> str:
    return base64.urlsafe_b64encode(f"{datetime_text(at)} {id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """InvalidInputError for what this host has not written."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        at, _, id = text.partition(" ")
        found = datetime.fromisoformat(at)
        if found.tzinfo is None:
            raise ValueError(at)
        return found, parse_uuid(id)
    except (ValueError, binascii.Error, FieldError) as error:
        raise InvalidInputError("翻页标记无效", hint="请从第一页重新开始") from error


def page(items: list[T], first: int, place: tuple[datetime, str] | None) -> Page[T]:
    """Of one item more than asked for; `place` is that of the last one shown."""
    return Page(tuple(items[:first]), cursor_of(*place) if place and len(items) > first else None)
