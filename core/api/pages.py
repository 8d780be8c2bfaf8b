"""The small doors: health, metrics, public keys, files and, in development, the explorer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from tongban_sdk import RateLimitedError

from core.api.connector_door import connector_routes
from core.api.errors import entry, entry_of, to_refusal
from core.api.examples import render_examples
from core.api.payment_door import payment_routes
from core.api.verify_page import verify_routes
from core.ops import metrics
from core.ops.health import Check, read_readiness
from core.plugins.generation import Generation
from core.settings import Settings
from core.store.migrate import pending
from core.store.tables import tables_of

if TYPE_CHECKING:
    from core.api.doors import Doors

EXPLORER = Path(__file__).with_name("explorer.html")
#: The page may talk to its own origin and run its own script, nothing else.
EXPLORER_CSP = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Page = Callable[[Request], Awaitable[Response]]


def build_routes(doors: Callable[[], Doors], settings: Settings) -> list[BaseRoute]:
    async def metrics_page(_: Request) -> Response:
        await _refresh(doors())
        return Response(metrics.expose(), media_type=metrics.CONTENT_TYPE)

    async def ready_page(_: Request) -> Response:
        report = await read_readiness(_needed(doors()), _advised(doors()))
        return _json(report.to_json(), 200 if report.is_ready else 503)

    async def keys_page(_: Request) -> Response:
        return _json(doors().tokens.ring.jwks(), headers={"cache-control": "public, max-age=300"})

    async def upload(request: Request) -> Response:
        return await doors().files.post(request)

    async def download(request: Request) -> Response:
        return await doors().files.get(request)

    asked = {"/readyz": ready_page, "/metrics": metrics_page, "/.well-known/jwks.json": keys_page}
    routes: list[BaseRoute] = [
        Route("/healthz", _alive),
        *(Route(path, _limited(page, doors)) for path, page in asked.items()),
        Route("/files", upload, methods=["POST"]),
        Route("/files/{id}", download),
        *verify_routes(doors),
        *connector_routes(doors),
        *payment_routes(doors, simulates=settings.profile == "dev"),
    ]
    if settings.profile == "dev":
        routes += [Route("/explorer", _explorer), Route("/", lambda _: RedirectResponse("/explorer"))]
    return routes


def _limited(page: Page, doors: Callable[[], Doors]) -> Page:
    """A page that asks the database, and that anybody may ask for."""

    async def limited(request: Request) -> Response:
        try:
            await doors().files.limits.check("pages", address=request.client.host if request.client else "unknown")
        except RateLimitedError as error:
            refusal = to_refusal(error)
            return _json({"errors": refusal.entries}, refusal.status, refusal.headers)
        return await page(request)

    return limited


async def _alive(_: Request) -> Response:
    return _json({"status": "ok"})


async def _explorer(_: Request) -> Response:
    nonce = secrets.token_urlsafe(16)
    # Small files, read anew: in development somebody may be writing them.
    html = EXPLORER.read_text("utf-8").replace("{examples}", render_examples()).replace("{nonce}", nonce)
    return HTMLResponse(html, headers={"content-security-policy": EXPLORER_CSP.format(nonce=nonce)})


async def on_error(_: Request, error: Exception) -> Response:
    """The one shape of errors, for what no door answers itself."""
    if not isinstance(error, HTTPException):
        return _json({"errors": [entry_of(error)]}, 500)
    code, message = (
        ("NOT_FOUND", "没有这个地址") if error.status_code == 404 else ("METHOD_NOT_ALLOWED", "不支持这个方法")
    )
    return _json({"errors": [entry(code, message)]}, error.status_code, error.headers)


#: Generations whose tables were found complete: nothing takes a table away from a running host.
_PREPARED: WeakSet[Generation] = WeakSet()


NO_ADDRESS = (
    "没有设置 TONGBAN_PUBLIC_URL：文书上的二维码会指向 localhost；设为群众访问的地址，如 https://tb.example.gov.cn"
)


def _needed(doors: Doors) -> dict[str, Check]:
    async def database() -> str | None:
        answer = await doors.host.database.fetch_value("SELECT 1", [])
        return None if answer == 1 else "数据库没有回答"

    async def jobs() -> str | None:
        # With Redis, jobs belong to `worker` processes.
        embedded, jobs = doors.host.settings.is_embedded, doors.host.registry.jobs
        return "后台任务没有运行" if embedded and not jobs.is_running else None

    async def migrations() -> str | None:
        # With `auto` every generation prepared its tables before it stood.
        generation = doors.host.generation
        if doors.host.settings.migrate == "auto" or generation in _PREPARED:
            return None
        if said := await pending(doors.host.database, tables_of(generation.world)):
            return said
        _PREPARED.add(generation)
        return None

    async def audit() -> str | None:
        return await doors.host.audit.check()

    async def address() -> str | None:
        # A printed QR code cannot be called back.
        writes = any(plugin.documents for plugin in doors.host.generation.world.plugins.values())
        return None if doors.host.settings.has_address or not writes else NO_ADDRESS

    return {"database": database, "jobs": jobs, "migrations": migrations, "audit": audit, "address": address}


def _advised(doors: Doors) -> dict[str, Check]:
    async def plugins() -> str | None:
        found = [s for s in doors.host.registry.statuses().values() if s.state not in ("on", "draining", "off")]
        return "；".join(f"{s.plugin_id}：{s.state}" for s in found) or None

    async def nodes() -> str | None:
        return None if await doors.host.registry.has_converged() else "各节点尚未运行同一代"

    async def audit_chain() -> str | None:
        return doors.host.audit.sealer.trouble or None

    async def timers() -> str | None:
        return await doors.host.cases.firing.check()

    async def documents() -> str | None:
        return await doors.host.documents.check()

    async def messages() -> str | None:
        return await doors.host.messages.delivering.check()

    async def payments() -> str | None:
        return await doors.host.payments.check()

    async def connectors() -> str | None:
        return await doors.host.connectors.check()

    async def indicators() -> str | None:
        return await doors.host.indicators.check()

    return {
        "plugins": plugins, "nodes": nodes, "audit_chain": audit_chain, "timers": timers, "messages": messages,
        "documents": documents, "indicators": indicators, "payments": payments, "connectors": connectors,
    }  # fmt: skip


async def _refresh(doors: Doors) -> None:
    waiting = await doors.host.database.fetch_value("SELECT count(*) FROM tb_outbox", [])
    metrics.OUTBOX.set(waiting or 0)


def _json(body: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")
