"""Where payment providers call back, and in development the page that plays one."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from tongban_sdk import RateLimitedError, RequestError

from core.api.errors import STATUS
from core.api.refusals import code_of
from core.ops import metrics
from core.payments.provider import CallbackRefused
from core.payments.simulator import Simulator

if TYPE_CHECKING:
    from core.api.doors import Doors

log = structlog.get_logger("tongban.payments")

#: Callbacks are short.
BODY_MAX_BYTES = 64 * 1024
PAGE_CSP = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def payment_routes(doors: Callable[[], Doors], *, simulates: bool) -> list[BaseRoute]:
    async def callback(request: Request) -> Response:
        response = await taken(request)
        metrics.RESPONSES.counts["callbacks", str(response.status_code)] += 1
        return response

    async def taken(request: Request) -> Response:
        room = doors().host.payments
        try:
            await doors().files.limits.check("callbacks", address=request.client.host if request.client else "unknown")
        except RateLimitedError as error:
            # Told again later.
            return PlainTextResponse("again", 429, {"retry-after": str(math.ceil(error.retry_after_s or 1))})
        if request.path_params["provider"] != room.house.provider.name:
            return PlainTextResponse("unknown provider", 404)
        try:
            body = await _body(request)
            told = room.house.provider.read_callback(dict(request.headers), body)
        except ClientDisconnect:
            return Response(status_code=400)
        except (CallbackRefused, TooLong) as error:
            log.warning("payment_callback_refused", reason=str(error))
            return PlainTextResponse("refused", 413 if isinstance(error, TooLong) else 401)
        try:
            await room.settling.settle(told)
        except RequestError as error:
            # Told again later: nothing of it was kept.
            return PlainTextResponse("again", STATUS[code_of(error)])
        return PlainTextResponse("success")

    async def simulator(request: Request) -> Response:
        room, number = doors().host.payments, request.path_params["number"]
        if not isinstance(room.house.provider, Simulator):
            return PlainTextResponse("no simulator", 404)
        if request.method == "POST":
            posted = room.house.provider.pay(number)
            await room.settling.settle(room.house.provider.read_callback(posted.headers, posted.body))
        return _page(number, (await room.house.provider.query(number)).state)

    routes: list[BaseRoute] = [Route("/payments/callback/{provider}", callback, methods=["POST"])]
    if simulates:
        routes.append(Route("/payments/simulator/{number}", simulator, methods=["GET", "POST"]))
    return routes


class TooLong(Exception):
    pass


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise TooLong("body")
    return bytes(body)


def _page(number: str, state: str) -> Response:
    titles = {"pending": "等待缴费", "paid": "已缴费", "closed": "没有这笔订单，或已关闭"}
    button = '<form method="post"><button>缴费</button></form>' if state == "pending" else ""
    html = (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>模拟缴费</title>'
        f"<h1>模拟缴费</h1><p>订单 {escape(number)}：{titles[state]}</p>{button}"
    )
    return HTMLResponse(html, headers={"content-security-policy": PAGE_CSP, "cache-control": "no-store"})
