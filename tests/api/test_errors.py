import re

from tongban_sdk import RequestError

from core.api import websocket
from core.api.errors import STATUS
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
    ours = {v for k, v in vars(websocket).items() if k.isupper() and isinstance(v, int) and 4400 <= v < 4500}
    assert found == ours | {1011, websocket.RESTART}
