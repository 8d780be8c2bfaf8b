import io
import json
import logging
import re
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
    assert (second["event"], second["level"], second["logger"]) == ("slow", "warning", "asyncpg")


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
    told = str(line["exception"])
    assert told.startswith("builtins.RuntimeError\n  ")
    assert "test_a_traceback_is_one_line" in told
    assert "broken" not in stream.getvalue()


def test_in_development_messages_of_exceptions_are_shown(stream: io.StringIO) -> None:
    configure_logs(stream, messages=True)
    structlog.get_logger("x").error("internal_error", exc_info=RuntimeError("broken"))
    assert "RuntimeError: broken" in str(lines(stream)[0]["exception"])


def test_causes_and_members_of_groups_are_named_too(stream: io.StringIO) -> None:
    try:
        raise KeyError("a") from ExceptionGroup("b", [ValueError("c"), TypeError("d")])
    except KeyError:
        logging.getLogger("asyncio").error("Task exception was never retrieved: <Task 马>", exc_info=True)
    (line,) = lines(stream)
    assert line["event"] == "Task exception was never retrieved"
    kinds = re.findall(r"builtins\.(\w+)", str(line["exception"]))
    assert kinds == ["KeyError", "ExceptionGroup", "ValueError", "TypeError"]
    assert "马" not in stream.getvalue()


def test_long_numbers_and_exceptions_as_arguments_are_not_written(stream: io.StringIO) -> None:
    logging.getLogger("tongban.plugins").warning("failed for %s: %s", "13800001234", ValueError("马"))
    structlog.get_logger("tongban.x").info("done", reason="640522199001011234 eyJhbGciOi.abc", count=1234567)
    first, second = lines(stream)
    assert first["event"] == "failed for …: ValueError"
    assert (second["reason"], second["count"]) == ("… …", 1234567)


def test_addresses_and_query_strings_are_not_logged(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("1.2.3.4 GET /graphql?query=secret")
    assert stream.getvalue() == ""
