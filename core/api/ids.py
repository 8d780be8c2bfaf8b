"""Ids that clients send."""

from __future__ import annotations

from tongban_sdk import NotFoundError

from core.fields.base import FieldError
from core.fields.refs import parse_uuid


def known_id(text: str, missing: str = "没有这个标识") -> str:
    """The id in its one spelling. What is no id names nothing: NotFoundError."""
    try:
        return parse_uuid(text)
    except FieldError:
        raise NotFoundError(missing) from None
