import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from core.ops.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_is_json_whoever_wrote_it(stream: io.StringIO) -> None:
    structlog.get_logger("tongban.x").info("started", generation=3)
    logging.getLogger("asyncpg").warning("slow %s", "pool")
    first, second = lines(stream)
    assert (first["event"], first["generation"], first["level"], first["logger"]) == ("started", 3, "info", "tongban.x")
    assert (second["event"], second["level"]) == ("slow pool", "warning")


def test_secrets_are_dropped(stream: io.StringIO) -> None:
    structlog.get_logger("x").error("failed", token="eyJ", variables={"idno": "6405"}, operation="A")
    assert "eyJ" not in stream.getvalue()
    assert "6405" not in stream.getvalue()
    assert lines(stream)[0]["operation"] == "A"


def test_a_traceback_is_one_line(stream: io.StringIO) -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        structlog.get_logger("x").error("internal_error", reference="abc", exc_info=error)
    (line,) = lines(stream)
    assert line["reference"] == "abc"
    assert "RuntimeError: broken" in str(line["exception"])


def test_addresses_and_query_strings_are_not_logged(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("1.2.3.4 GET /graphql?query=secret")
    assert stream.getvalue() == ""
