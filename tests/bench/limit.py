"""The limit: a bare ASGI application that knows five operations and sends the database's text as the answer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import orjson
from tongban_sdk import Actor

from core.identity.tokens import Tokens
from tests.bench import limit_create, limit_sql

#: Order of the parameters after the two divisions.
ARGUMENTS = {"Q1": ("id",), "Q2": ("division", "state"), "Q3": ("division", "state"), "Q4": ("division", "number")}

Answer = Callable[[str, Mapping[str, Any], Actor], Awaitable[bytes]]


def application(database: str, schema: str | None, tokens: Tokens) -> Any:
    """The ASGI callable; connects at the first request."""
    answer = (
        _sqlite(database.removeprefix("sqlite:///")) if database.startswith("sqlite") else _postgres(database, schema)
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        token = next(value for name, value in scope["headers"] if name == b"authorization")[7:].decode()
        actor = tokens.verify(token).actor
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        request = orjson.loads(body)
        data = await answer(request["operationName"], request["variables"], actor)
        length = str(len(data)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    return app


def _values(name: str, variables: Mapping[str, Any], actor: Actor) -> list[Any]:
    county = (actor.division or "")[:6]
    return [f"{county}000000", f"{county}999999", *(variables[argument] for argument in ARGUMENTS[name])]


def _sqlite(path: str) -> Answer:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA mmap_size=1073741824")

    async def answer(name: str, variables: Mapping[str, Any], actor: Actor) -> bytes:
        if name == "M1":
            return limit_create.sqlite(connection, variables, actor)
        row = connection.execute(limit_sql.SQLITE[name], _values(name, variables, actor)).fetchone()
        return row[0].encode()  # type: ignore[no-any-return]  # sqlite3 rows are untyped

    return answer


class _Connections:
    """Ten connections, last in first out, each with its statements prepared once."""

    def __init__(self, url: str, schema: str | None) -> None:
        self.url, self.schema = url, schema
        self.free: list[dict[str, Any]] = []
        self.waiting: deque[asyncio.Future[dict[str, Any]]] = deque()
        self.opening: asyncio.Task[None] | None = None

    async def take(self) -> dict[str, Any]:
        if self.opening is None:
            self.opening = asyncio.create_task(self._open())
        if self.free:
            return self.free.pop()
        waiter: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        return await waiter

    def give_back(self, statements: dict[str, Any]) -> None:
        if self.waiting:
            self.waiting.popleft().set_result(statements)
        else:
            self.free.append(statements)

    async def _open(self) -> None:
        settings = {"jit": "off", "timezone": "UTC", "search_path": self.schema or "public"}
        for _ in range(10):
            connection = await asyncpg.connect(self.url, server_settings=settings)
            texts = {**limit_sql.POSTGRES, "M1": limit_create.POSTGRES}
            self.give_back({name: await connection.prepare(sql) for name, sql in texts.items()})


def _postgres(url: str, schema: str | None) -> Answer:
    connections = _Connections(url, schema)

    async def answer(name: str, variables: Mapping[str, Any], actor: Actor) -> bytes:
        values = limit_create.values(variables, actor) if name == "M1" else _values(name, variables, actor)
        statements = await connections.take()
        try:
            text = await statements[name].fetchval(*values)
        finally:
            connections.give_back(statements)
        return text.encode()  # type: ignore[no-any-return]  # asyncpg is untyped

    return answer
