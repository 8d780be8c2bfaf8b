"""docs/expressions.md tells the truth: every example of its table is run."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.expr import check_types, evaluate, parse
from core.expr.types import BOOL, DATE, FUNCTIONS, INT, ME, TEXT, Type
from core.settings import ROOT

PAGE = (ROOT / "docs" / "expressions.md").read_text("utf-8")
EXAMPLES = [(e.replace(r"\|", "|"), v) for e, v in re.findall(r"^\| `(.+?)` \| `(.+?)` \|", PAGE, re.MULTILINE)]
ROW = {
    "name": "平凡的世界", "copies": 5, "lent": 2, "price": Decimal("12.50"), "state": "open", "shelf": None,
    "division": "640522100203", "bought": date(2026, 1, 31),
}  # fmt: skip
NAMES = {
    "name": TEXT, "copies": INT, "lent": INT, "price": Type("decimal", 2), "state": TEXT, "shelf": TEXT,
    "division": TEXT, "bought": DATE,
}  # fmt: skip
NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)


def shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)


@pytest.mark.parametrize(("source", "value"), EXAMPLES)
def test_an_example_gives_what_the_page_says(source: str, value: str) -> None:
    expr = parse(source)
    found = check_types(expr, NAMES)
    assert shown(evaluate(expr, ROW, {"division": "640522100000"}, NOW)) == value
    assert (found == BOOL) == (value in ("true", "false") or source == 'shelf == "A1"')


def test_the_page_names_everything() -> None:
    assert len(EXAMPLES) > 10
    assert [name for name in FUNCTIONS if name not in PAGE] == []
    assert [name for name in ME if f"`me.{name}`" not in PAGE] == []
