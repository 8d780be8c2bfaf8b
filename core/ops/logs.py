"""Logs: one JSON object per line on standard error, ids instead of personal data.

Whoever logs may be handed a name, a whole row, a statement with its values. So of an exception only its kind and its
places are written, of other people's messages only the fixed words, and of every text no long number.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any, TextIO

import structlog

#: Keys whose values never reach a log, whoever passes them.
SECRET = frozenset({"variables", "token", "authorization", "headers", "body", "input", "password", "row", "values"})
#: Loggers of ours: their words are fixed, and what they add is looked at where it is written.
OURS = "tongban"
#: The fixed beginning of somebody else's message: plain words, up to the first thing that may be a value.
_WORDS = re.compile(r"[A-Za-z][A-Za-z ,'-]{0,79}")
#: Phones, ID numbers, bank cards, codes; tokens.
_NUMBERS = re.compile(r"\d{6,}[0-9Xx]?|eyJ[\w.-]{8,}")
#: Made by the host, digits and all.
_OWN = frozenset({"timestamp", "reference", "sha256", "exception"})
FRAMES_MAX = 30


def configure_logs(stream: TextIO | None = None, level: int = logging.INFO, *, messages: bool = False) -> None:
    """Send structlog and every library's logging through one JSON renderer. `messages`: those of exceptions are
    written too; for development, where all people are made up."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if messages else name_exception,
        drop_secrets,
        hide_numbers,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[fixed_words, *shared], processors=final)
    )
    handler.addFilter(_plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Access lines would repeat addresses and query strings; /metrics counts requests instead.
    logging.getLogger("uvicorn.access").disabled = True


def _plain(record: logging.LogRecord) -> bool:
    """Of exceptions among the arguments only the kind; what is formatted later cannot be told apart."""
    if isinstance(record.args, tuple):
        record.args = tuple(type(a).__name__ if isinstance(a, BaseException) else a for a in record.args)
    return True


def fixed_words(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's message the words before its first value; where it was written says the rest."""
    record: logging.LogRecord = event["_record"]
    if record.name.partition(".")[0] != OURS:
        found = _WORDS.match(str(record.msg))
        event["event"] = found[0].strip() if found else "…"
        event["at"] = f"{record.module}.{record.funcName}:{record.lineno}"
    return event


def name_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Kinds and places, never messages: those repeat values."""
    info = event.pop("exc_info", None)
    if info:
        error = info if isinstance(info, BaseException) else (sys.exc_info() if info is True else info)[1]
        if error is not None:
            event["exception"] = "\n".join(_told(error))
    return event


def _told(error: BaseException | None) -> Iterator[str]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{type(error).__module__}.{type(error).__qualname__}"
        frames = traceback.extract_tb(error.__traceback__)
        yield from (f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES_MAX:])
        for one in getattr(error, "exceptions", ()):
            yield from (f"  | {line}" for line in _told(one))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def drop_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in SECRET & event.keys():
        del event[key]
    return event


def hide_numbers(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key not in _OWN and not key.startswith("_"):
            event[key] = _NUMBERS.sub("…", value)
    return event
