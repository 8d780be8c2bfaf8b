"""What a plain YAML scalar means: the core schema of YAML 1.2, without what JSON cannot say."""

from __future__ import annotations

import re

# `1:30` is text. Octal is written 0o17; 017 is seventeen. Yes, no, on, off and dates are text.
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
          "false": False, "False": False, "FALSE": False}  # fmt: skip
NUMBER_MAX_CHARS = 30


def read_plain(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar; ValueError for a number that JSON cannot carry."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_JSON.fullmatch(text):
        raise ValueError(text)
    if text[0] not in "+-.0123456789" or not (_FLOAT.fullmatch(text) or _BASED.fullmatch(text)):
        return text
    if len(text) > NUMBER_MAX_CHARS:
        raise ValueError(text)
    if _INT.fullmatch(text):
        return int(text)
    return int(text, 0) if _BASED.fullmatch(text) else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value
