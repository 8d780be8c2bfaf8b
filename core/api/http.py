"""GraphQL over HTTP to the letter, as bare ASGI: no framework object stands between a request and its bytes.

Source: GraphQL over HTTP, working draft (graphql.github.io/graphql-over-http); the 61 audits of graphql-http are in
tests/api/test_http_audits.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send
from tongban_sdk import Actor

from core.api.accept import JSON, negotiate
from core.api.address import came_from
from core.api.errors import Refusal, refuse
from core.api.execution import Execution, GraphQLRequest, encode_errors, refusal_of
from core.api.limits import RateLimits
from core.identity.tokens import Tokens, caller_from_request
from core.ops import metrics

BODY_MAX_BYTES = 256 * 1024
#: Sent with every answer.
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept, authorization"),
]
#: Codes of well-formed requests that are no executable operation: 200 for legacy application/json.
GRAPHQL_CODES = frozenset({"GRAPHQL_SYNTAX", "GRAPHQL_VALIDATION", "BAD_VARIABLES", "OPERATION_NOT_FOUND"})


class GraphQLEndpoint:
    """The door /graphql."""

    def __init__(self, execution: Execution, tokens: Tokens, limits: RateLimits, *, allows_get: bool) -> None:
        self.execution, self.tokens, self.limits, self.allows_get = execution, tokens, limits, allows_get

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind: bytes | None = JSON
        try:
            kind = negotiate(headers.get("accept"))
            if kind is None:
                raise refuse("NOT_ACCEPTABLE", "只提供 application/graphql-response+json 和 application/json")
            actor = await self._admit(scope, headers)
            request = await self._read(scope, headers, receive)
            body = await self.execution.answer(request, actor, queries_only=scope["method"] == "GET")
        except Exception as error:
            await _send_refusal(send, refusal_of(error), kind or JSON)
        else:
            await _send(send, 200, kind, body, HEADERS)

    async def _admit(self, scope: Scope, headers: Mapping[str, str]) -> Actor:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        came_from(address)
        await self.limits.check("graphql", address=address)
        actor = caller_from_request(headers, self.tokens).actor
        if actor.id:
            await self.limits.check("graphql", actor=actor.id)
        return actor

    async def _read(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> GraphQLRequest:
        if scope["method"] == "GET" and self.allows_get:
            return parameters(_from_url(scope["query_string"]))
        if scope["method"] != "POST":
            allowed = "GET, POST" if self.allows_get else "POST"
            raise refuse("METHOD_NOT_ALLOWED", f"只接受 {allowed}", headers={"allow": allowed})
        _check_content_type(headers.get("content-type", ""))
        return parameters(_parse(await read_body(headers, receive, BODY_MAX_BYTES)))


async def read_body(headers: Mapping[str, str], receive: Receive, maximum: int) -> bytes:
    """The whole body, refused as soon as it is known to be too large."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > maximum:
        raise _too_large(maximum)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise refuse("BAD_REQUEST", "请求没有发完")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > maximum:
            raise _too_large(maximum)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(maximum: int) -> Refusal:
    return refuse("BODY_TOO_LARGE", f"请求体过大，上限 {maximum} 字节", headers={"connection": "close"})


def _check_content_type(value: str) -> None:
    if value == "application/json":
        return
    kind, _, rest = value.partition(";")
    charset = "utf-8"
    for parameter in rest.lower().split(";"):
        name, _, text = parameter.partition("=")
        if name.strip() == "charset":
            charset = text.strip(' "')
    if kind.strip().lower() != "application/json" or charset not in ("utf-8", "utf8"):
        raise refuse(
            "UNSUPPORTED_MEDIA_TYPE", "只接受 application/json（UTF-8）", headers={"accept": "application/json"}
        )


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refuse("BAD_REQUEST", "请求体不是 JSON") from None


def _from_url(query: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = dict(parse_qsl(query.decode(), strict_parsing=bool(query), max_num_fields=10))
        for name in ("variables", "extensions"):
            if found.get(name):
                found[name] = orjson.loads(found[name])
    except ValueError:
        raise refuse("BAD_REQUEST", "查询参数不合规") from None
    return found


def parameters(body: Any) -> GraphQLRequest:
    if isinstance(body, list):
        raise refuse("BAD_REQUEST", "不接受批量请求")
    if not isinstance(body, dict):
        raise refuse("BAD_REQUEST", "请求体应为 JSON 对象")
    query, digest = _typed(body, "query", str, "字符串"), _digest(body)
    if query is None and digest is None:
        raise refuse("BAD_REQUEST", "缺少 query")
    name = _typed(body, "operationName", str, "字符串")
    variables = _typed(body, "variables", dict, "对象")
    return GraphQLRequest(query, digest, name or None, variables or {})


def _digest(body: Mapping[str, Any]) -> str | None:
    """The hash of a trusted document: `documentId` (the draft's) or `extensions.persistedQuery` (Apollo's)."""
    if "documentId" not in body and "extensions" not in body:
        return None
    extensions = _typed(body, "extensions", dict, "对象") or {}
    found: str | None = _typed(body, "documentId", str, "字符串")
    if found is not None:
        return found.removeprefix("sha256:")
    persisted = _typed(extensions, "persistedQuery", dict, "对象") or {}
    digest: str | None = _typed(persisted, "sha256Hash", str, "字符串")
    return digest


def _typed(body: Mapping[str, Any], name: str, kind: type, title: str) -> Any:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise refuse("BAD_REQUEST", f"{name} 应为{title}")
    return value


async def _send_refusal(send: Send, refusal: Refusal, kind: bytes) -> None:
    # The draft: with application/json a well-formed request answers 200 even when GraphQL refuses it.
    is_graphql = refusal.first_code in GRAPHQL_CODES or refusal.first_code.startswith("QUERY_")
    status = 200 if kind == JSON and is_graphql else refusal.status
    extra = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    await _send(send, status, kind, encode_errors(refusal.entries), HEADERS + extra)


async def _send(send: Send, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    metrics.RESPONSES.counts["graphql", str(status)] += 1
    about = [(b"content-type", kind + b"; charset=utf-8"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": body})
