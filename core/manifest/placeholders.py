"""Texts with placeholders: "您的{item}已办结"."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(text: str) -> list[str]:
    """Names between braces, in order."""
    return _PLACEHOLDER.findall(text)


def has_stray_brace(text: str) -> bool:
    """A brace that opens or closes nothing."""
    return bool(re.search(r"[{}]", _PLACEHOLDER.sub("", text)))
