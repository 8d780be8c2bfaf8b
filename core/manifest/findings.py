"""Making problems: every id is a literal in one of these calls, so that a test can compare code and page."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tongban_sdk.problems import Place, Problem


def error(id: str, place: Place, message: str, hint: str = "") -> Problem:
    return Problem(id, "error", place, message, hint)


def warning(id: str, place: Place, message: str, hint: str = "") -> Problem:
    return Problem(id, "warning", place, message, hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word, else the known words themselves."""
    words = sorted(known)
    begun = [known for known in words if len(word) > 2 and known.startswith(word.lower())]
    if len(begun) == 1:
        return f"是不是想写 {begun[0]}？"
    if near := get_close_matches(word, words, n=1, cutoff=0.6):
        return f"是不是想写 {near[0]}？"
    return f"可用：{'、'.join(words[:20])}{' 等' if len(words) > 20 else ''}" if words else ""


def shown(value: object, max_chars: int = 60) -> str:
    """A value inside a message: one line, not too long."""
    text = str(value).encode("unicode_escape").decode() if not str(value).isprintable() else str(value)
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
