"""POST /connectors/{connector}/{operation}: messages of outside systems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from tongban_sdk import RequestError

from core.api.errors import entry_of, refuse, to_refusal
from core.connectors import Request as Signed
from core.connectors import Taken
from core.forms.validate import pointer

if TYPE_CHECKING:
    from core.api.doors import Doors

BODY_MAX_BYTES = 256 * 1024
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def connector_routes(doors: Callable[[], Doors]) -> list[BaseRoute]:
    async def take(request: Request) -> Response:
        try:
            return _answer(await _receive(doors(), request))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            return _refusal(error)

    door: Callable[[Request], Awaitable[Response]] = take
    return [Route("/connectors/{connector}/{operation}", door, methods=["POST"])]


async def _receive(doors: Doors, request: Request) -> Taken:
    await doors.files.limits.check("connectors", address=request.client.host if request.client else "unknown")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refuse("UNSUPPORTED_MEDIA_TYPE", "报文应为 application/json")
    signed = Signed(request.scope["path"], dict(request.headers), await _body(request))
    found: Taken = await doors.host.connectors.receiving.receive(
        request.path_params["connector"], request.path_params["operation"], signed
    )
    return found


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            message = f"报文过大，上限 {BODY_MAX_BYTES} 字节"
            raise refuse("BODY_TOO_LARGE", message, headers={"connection": "close"})
    return body


def _answer(taken: Taken) -> Response:
    found = {
        "number": taken.number, "caseNumber": taken.case_number, "taken": taken.is_taken,
        "repeated": taken.is_repeated,
    }  # fmt: skip
    return Response(orjson.dumps(found), 200, HEADERS, "application/json")


def _refusal(error: Exception) -> Response:
    """Each problem with its place as a JSON Pointer; of a bug only its reference."""
    if not isinstance(error, RequestError):
        return Response(orjson.dumps({"errors": [entry_of(error)]}), 500, HEADERS, "application/json")
    refusal = to_refusal(error)
    for entry in refusal.entries:
        _point(entry["extensions"].get("problems", ()))
    return Response(
        orjson.dumps({"errors": refusal.entries}), refusal.status, {**HEADERS, **refusal.headers}, "application/json"
    )


def _point(problems: Any) -> None:
    for problem in problems:
        problem["pointer"] = pointer(problem["path"])
