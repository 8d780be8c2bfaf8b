"""Texts with placeholders: "您的{item}已办结"."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(text: str) -> list[str]:
    """Names between braces, in order."""
    return _PLACEHOLDER.findall(text)


def has_stray_brace(text: str) -> bool:
    """A brace that opens or closes nothing."""
    return bool(re.search(r"[{}]", _PLACEHOLDER.sub("", text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its values; "—" where there is none. Braces inside values stay what they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1]) or "—", text)
