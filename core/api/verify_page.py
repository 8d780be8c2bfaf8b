"""The page behind the QR code of a document. No script; it tells what stands on the paper and whether it is good."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from tongban_sdk import NotFoundError, RateLimitedError, RequestError

from core.api.errors import STATUS
from core.api.refusals import code_of
from core.api.upload import fingerprint
from core.documents import Verdict
from core.documents.wording import printed

if TYPE_CHECKING:
    from core.api.doors import Doors

PAGE = Path(__file__).with_name("verify.html").read_text("utf-8")
CSP = "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#: Larger than anything the host prints.
FILE_MAX_BYTES = 10 * 1024 * 1024
TITLES = {
    "valid": "有效", "expired": "已过有效期", "revoked": "已撤销，不能再用",
}  # fmt: skip
Ask = Callable[[Request], Awaitable[Verdict | None]]


def verify_routes(doors: Callable[[], Doors]) -> list[BaseRoute]:
    async def by_code(request: Request) -> Verdict | None:
        code = request.path_params.get("code") or request.query_params.get("code")
        return await doors().host.documents.verify(code) if code else None

    async def by_file(request: Request) -> Verdict | None:
        kind = request.headers.get("content-type", "")
        sha256 = await fingerprint(kind, request.stream(), FILE_MAX_BYTES)
        return await doors().host.documents.verify_file(sha256)

    def page(ask: Ask) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                await doors().files.limits.check("pages", address=request.client.host if request.client else "unknown")
                found = await ask(request)
                return _page(200, "" if found is None else _verdict(found))
            except ClientDisconnect:
                return Response(status_code=400)
            except RequestError as error:
                return _page(STATUS[code_of(error)], _refusal(error))

        return answer

    return [
        Route("/verify", page(by_code), methods=["GET"]),
        Route("/verify", page(by_file), methods=["POST"]),
        Route("/verify/{code}", page(by_code)),
    ]


def _page(status: int, result: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    headers = {
        "content-security-policy": CSP.format(nonce=nonce), "cache-control": "no-store",
        "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
    }  # fmt: skip
    return HTMLResponse(PAGE.replace("{nonce}", nonce).replace("{result}", result), status, headers)


def _verdict(found: Verdict) -> str:
    rows = [
        ("文书", found.title), ("编号", found.number), ("出具单位", found.unit), ("发给", found.holder),
        ("出具日期", printed(found.issued_on)),
        ("撤销时间", printed(found.revoked_at)) if found.revoked_at else ("有效期", _until(found.valid_to)),
        ("印章证书", found.seal),
    ]  # fmt: skip
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows if value)
    kind = "valid" if found.state == "valid" else "bad"
    return (
        f'<section class="{kind}" role="status"><p class="state">{TITLES[found.state]}</p>'
        f"<small>请核对下面的内容和您手里的文书是否一致</small><dl>{listed}</dl></section>"
    )


def _until(day: date | None) -> str:
    return f"至{printed(day)}" if day else "长期有效"


def _refusal(error: RequestError) -> str:
    title = "查不到这份文书" if isinstance(error, NotFoundError) else error.message
    hint = "请稍后再试" if isinstance(error, RateLimitedError) else error.hint
    return f'<section class="bad" role="status"><p class="state">{escape(title)}</p>{escape(hint)}</section>'
