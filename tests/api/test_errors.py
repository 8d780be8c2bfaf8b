import re
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from graphql.execution import get_variable_values
from tongban_sdk import RequestError

from core.api import close
from core.api.errors import STATUS, request_entries
from core.settings import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")


def test_the_page_explains_exactly_the_codes_there_are() -> None:
    found = {code: int(status) for code, status in re.findall(r"^\| `([A-Z_]+)`(?: \*)? \| (\d+) \|", PAGE, re.M)}
    assert found == dict(STATUS)


def test_every_error_of_the_sdk_has_a_status() -> None:
    kinds: list[type[RequestError]] = [RequestError, *RequestError.__subclasses__()]
    codes = {kind.code for kind in kinds if kind.__module__ == "tongban_sdk.errors"}
    assert codes <= set(STATUS)


def test_the_page_explains_exactly_the_close_codes_there_are() -> None:
    found = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PAGE, re.M)}
    ours = {v for k, v in vars(close).items() if k.isupper() and isinstance(v, int) and 4400 <= v < 4500}
    assert found == ours | {1011, close.RESTART}


SCHEMA = build_schema("input I { idno: String, n: Int, e: E } enum E { A } type Query { f(i: I, s: [I!]): Int }")
SECRET = 110101199003071234


@pytest.mark.parametrize(
    "value",
    [
        {"idno": SECRET}, {"n": str(SECRET)}, {"n": SECRET}, {"e": str(SECRET)}, {"e": SECRET}, SECRET, [{"e": SECRET}],
        {"idno": str(SECRET), "x": 1}, {"idno": [str(SECRET)]}, {"idno": {"a": str(SECRET)}}, {f"x{SECRET}" * 50: 1},
    ],
)  # fmt: skip
def test_what_graphql_refuses_is_not_repeated(value: Any) -> None:
    """An answer, and whoever logs it, must not hold what only the caller knows."""
    operation: Any = parse("query($i: I) { f(i: $i) }").definitions[0]
    errors: Any = get_variable_values(SCHEMA, operation.variable_definitions, {"i": value})
    assert isinstance(errors, list)
    for found in request_entries("BAD_VARIABLES", "变量不合规", errors):
        assert "$i" in found["message"]
        assert len(found["message"]) < 400
        assert str(SECRET) not in found["message"] or f"x{SECRET}" in found["message"]


@pytest.mark.parametrize("literal", [f"{{idno: {SECRET}}}", f'{{n: "{SECRET}"}}', f'{{e: "{SECRET}"}}', f'"{SECRET}"'])
def test_literals_are_not_repeated_either(literal: str) -> None:
    errors = validate(SCHEMA, parse(f"{{ f(i: {literal}) }}"))
    assert errors
    for found in request_entries("GRAPHQL_VALIDATION", "文档不合规", errors):
        assert str(SECRET) not in found["message"]
