"""The composition root of the server: a host, the doors in front of it, and nothing a door does."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from core.api.changes import ChangeFeed
from core.api.compose import Composer
from core.api.documents import TrustedDocuments
from core.api.doors import Doors
from core.api.execution import Execution, core_schema
from core.api.files import Files
from core.api.http import GraphQLEndpoint
from core.api.limits import RateLimits
from core.api.pages import build_routes, on_error
from core.api.roots import build_roots
from core.api.websocket import Sockets
from core.host import Host, open_host
from core.ops import metrics
from core.settings import ROOT, Settings

log = structlog.get_logger("tongban.app")


class App:
    """ASGI. /graphql goes straight to its door; Starlette routes the rest and runs the life of it all."""

    def __init__(self, settings: Settings, *, schema: str | None = None) -> None:
        self.settings = settings
        self._schema = schema
        self._doors: Doors | None = None
        #: Why the start failed, for whoever started it.
        self.failure: Exception | None = None
        routes = build_routes(lambda: self.doors, settings)
        handlers: dict[Any, Any] = dict.fromkeys((404, 405, Exception), on_error)
        self._pages = Starlette(routes=routes, lifespan=self._live, exception_handlers=handlers)

    @property
    def doors(self) -> Doors:
        if self._doors is None:
            raise RuntimeError("the app has not started")
        return self._doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/graphql":
            doors = self.doors
            await (doors.graphql if scope["type"] == "http" else doors.sockets)(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    @asynccontextmanager
    async def _live(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                doors = await stack.enter_async_context(open_doors(self.settings, schema=self._schema))
            except Exception as error:
                self.failure = error
                raise
            self._doors = doors
            _describe(doors, self.settings)
            yield
            self._doors = None


def build_app(settings: Settings) -> App:
    """The ASGI application. Opens nothing until its lifespan starts."""
    return App(settings)


@asynccontextmanager
async def open_doors(settings: Settings, *, schema: str | None = None) -> AsyncIterator[Doors]:
    """A host with its doors, closed in reverse order."""
    async with AsyncExitStack() as stack:
        redis = Redis.from_url(settings.redis_url) if settings.redis_url else None
        if redis is not None:
            stack.push_async_callback(redis.aclose)
        feed = ChangeFeed(redis)
        host = await stack.enter_async_context(
            open_host(
                settings,
                compose=Composer(build_roots(feed)),
                follow=True,
                work=settings.is_embedded,
                schema=schema,
            )
        )
        doors = _build_doors(host, settings, RateLimits(settings.profile, redis))
        host.registry.on_commit.append(feed.on_commit)
        host.registry.on_swap.append(lambda old, new: _swapped(doors))
        await stack.enter_async_context(feed.listening(host.database))
        # Pushed last, so it runs first: sockets are told before anything they use is closed.
        stack.callback(doors.sockets.restart)
        yield doors


def _build_doors(host: Host, settings: Settings, limits: RateLimits) -> Doors:
    tokens = host.sessions.tokens
    trusted = TrustedDocuments()
    trusted.add_folder(ROOT / "graphql" / "operations")
    for digest, faults in trusted.check(core_schema(host.generation)).items():
        log.warning("document_does_not_fit", sha256=digest, faults=faults)
    execution = Execution(host, trusted, settings.profile)
    return Doors(
        host,
        tokens,
        GraphQLEndpoint(execution, tokens, limits, allows_get=settings.profile != "prod"),
        Sockets(execution, tokens, limits, settings.allowed_origins),
        Files(host, tokens, limits, settings.data_dir / "files", settings.file_max_bytes),
    )


def _swapped(doors: Doors) -> None:
    doors.graphql.execution.forget()
    doors.sockets.restart()
    metrics.GENERATION.set(doors.host.generation.number)


def _describe(doors: Doors, settings: Settings) -> None:
    loop = metrics.loop_name()
    metrics.RUNTIME.info({"event_loop": loop, "python": platform.python_version(), "profile": settings.profile})
    metrics.GENERATION.set(doors.host.generation.number)
    log.info("started", profile=settings.profile, event_loop=loop, generation=doors.host.generation.number)
