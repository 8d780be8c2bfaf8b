"""Cells a spreadsheet would run. Storing text as it is hurts nobody; opening it in a spreadsheet might.

The characters are those of OWASP "CSV Injection" and CWE-1236; the full-width forms are read as formulas by
spreadsheets of East Asia. A quote before them makes text of them. Import takes off what export put on.
"""

from __future__ import annotations

import re

_STARTS = "=+\\-@\t\r\n＝＋－＠"
_RISKY = re.compile(f"'*[{_STARTS}]")
_QUOTED = re.compile(f"'+[{_STARTS}]")


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if _RISKY.match(text) else text


def original(text: str) -> str:
    """The text before `neutral`."""
    return text[1:] if _QUOTED.match(text) else text
