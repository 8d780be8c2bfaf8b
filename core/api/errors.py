"""What a client sees of an error: one shape, stable codes, nothing internal. Only here are codes and statuses known."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from graphql import GraphQLError
from tongban_sdk import InvalidInputError, RequestError

log = structlog.get_logger("tongban.api")

INTERNAL_MESSAGE = "内部错误"
ERRORS_MAX = 5
MESSAGE_MAX_CHARS = 300
#: Where messages of graphql-core repeat values.
_VALUES = (
    (re.compile(r"[,;.]? [Ff]ound:? .*", re.DOTALL), "."),
    (re.compile(r"(cannot represent [^:]*): .*", re.DOTALL), r"\1."),
    (re.compile(r"Value '.*' does not exist", re.DOTALL), "The value does not exist"),
)
Entry = dict[str, Any]

#: HTTP status of a refusal, of what never was executed. Every code of the API is a key; docs/api.md explains each.
STATUS: Mapping[str, int] = {
    "BAD_REQUEST": 400,
    "GRAPHQL_SYNTAX": 400,
    "GRAPHQL_VALIDATION": 400,
    "BAD_VARIABLES": 400,
    "OPERATION_NOT_FOUND": 400,
    "DOCUMENT_NOT_TRUSTED": 400,
    "QUERY_TOO_LONG": 400,
    "QUERY_TOO_MANY_TOKENS": 400,
    "QUERY_TOO_MANY_OPERATIONS": 400,
    "QUERY_TOO_MANY_FRAGMENTS": 400,
    "QUERY_FRAGMENT_CYCLE": 400,
    "QUERY_TOO_DEEP": 400,
    "QUERY_TOO_LARGE": 400,
    "QUERY_TOO_MANY_ALIASES": 400,
    "QUERY_TOO_MANY_ROOT_FIELDS": 400,
    "QUERY_TOO_MANY_DIRECTIVES": 400,
    "QUERY_TOO_EXPENSIVE": 400,
    "QUERY_TOO_MANY_LOGINS": 400,
    "INVALID_INPUT": 400,
    "NOT_AUTHENTICATED": 401,
    "LOGIN_FAILED": 401,
    "REAL_NAME_REQUIRED": 403,
    "CONSENT_REQUIRED": 403,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "CONFLICT": 409,
    "BODY_TOO_LARGE": 413,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "VALUE_UNREADABLE": 500,
    "UNAVAILABLE": 503,
    "AUDIT_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
    "STORAGE_FULL": 507,
}


class Refusal(RequestError):
    """A request the doors turn away before anything ran. Holds every reason, each as one entry of `errors`."""

    def __init__(self, entries: Sequence[Entry], *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(entries[0]["message"])
        self.entries = list(entries[:ERRORS_MAX])
        self.headers = dict(headers or {})

    @property
    def first_code(self) -> str:
        return str(self.entries[0]["extensions"]["code"])

    @property
    def status(self) -> int:
        return STATUS[self.first_code]


def entry(code: str, message: str, *, hint: str = "", **extensions: Any) -> Entry:
    """One element of `errors`."""
    return {"message": message, "extensions": {"code": code, **({"hint": hint} if hint else {}), **extensions}}


def refuse(code: str, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> Refusal:
    return Refusal([entry(code, message, hint=hint)], headers=headers)


def to_refusal(error: RequestError) -> Refusal:
    """A refusal out of any error a caller may see, with the headers HTTP wants beside it."""
    if isinstance(error, Refusal):
        return error
    headers = {}
    if (wait_s := getattr(error, "retry_after_s", None)) is not None:
        headers["retry-after"] = str(max(1, round(wait_s)))
    if error.code == "NOT_AUTHENTICATED":
        headers["www-authenticate"] = "Bearer"
    return Refusal([entry_of(error)], headers=headers)


def entry_of(error: BaseException, **context: Any) -> Entry:
    """The entry of an exception. What is not a RequestError is a bug: masked here, told in full to the log."""
    if isinstance(error, Refusal):
        return error.entries[0]
    if not isinstance(error, RequestError):
        return _masked(error, context)
    extras: dict[str, Any] = {}
    if isinstance(error, InvalidInputError) and error.problems:
        extras["problems"] = [{"path": list(p.path), "message": p.message, "id": p.id} for p in error.problems]
    if (wait_s := getattr(error, "retry_after_s", None)) is not None:
        extras["retryAfter"] = wait_s
    if (level := getattr(error, "level", None)) is not None:
        extras["level"] = level
    return entry(error.code, error.message, hint=error.hint, **extras)


def entries_of(errors: Iterable[GraphQLError], **context: Any) -> list[Entry]:
    """Entries of an executed operation, path and locations kept, at most ERRORS_MAX bugs or refusals."""
    return [_located(error, entry_of(_cause(error), **context)) for error in list(errors)[:ERRORS_MAX]]


def request_entries(code: str, title: str, errors: Iterable[GraphQLError]) -> list[Entry]:
    """Entries of a document or of variables that GraphQL itself refuses."""
    return [_located(error, entry(code, f"{title}：{_plain(error.message)}")) for error in list(errors)[:ERRORS_MAX]]


def _plain(message: str) -> str:
    """graphql-core repeats what it was sent, an ID number as well as a whole variable; places say enough."""
    for pattern, kept in _VALUES:
        message = pattern.sub(kept, message)
    return message if len(message) <= MESSAGE_MAX_CHARS else f"{message[:MESSAGE_MAX_CHARS]}…"


def _cause(error: GraphQLError) -> BaseException:
    while isinstance(error, GraphQLError) and error.original_error is not None:
        if not isinstance(error.original_error, GraphQLError):
            return error.original_error
        error = error.original_error
    return error


def _located(error: GraphQLError, made: Entry) -> Entry:
    where: Entry = {"message": made["message"]}
    if error.path is not None:
        where["path"] = error.path
    if error.locations:
        where["locations"] = [{"line": p.line, "column": p.column} for p in error.locations]
    return {**where, "extensions": made["extensions"]}


def _masked(error: BaseException, context: Mapping[str, Any]) -> Entry:
    reference = uuid.uuid4().hex[:12]
    log.error("internal_error", reference=reference, exc_info=error, **context)
    return entry("INTERNAL", INTERNAL_MESSAGE, hint="请把 reference 告诉管理员", reference=reference)
