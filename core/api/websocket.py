"""GraphQL over WebSocket: the graphql-transport-ws protocol and nothing else.

Source: github.com/enisdenjo/graphql-ws PROTOCOL.md; close codes there and in docs/api.md. One Socket is one connection.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from tongban_sdk import RequestError

from core.api.address import came_from
from core.api.close import (
    BAD_MESSAGE,
    BAD_PROTOCOL,
    DUPLICATE_ID,
    FORBIDDEN,
    INIT_TIMEOUT,
    RESTART,
    TOO_MANY,
    UNAUTHORIZED,
    Close,
)
from core.api.errors import Refusal, entry_of
from core.api.execution import Execution, GraphQLRequest, refusal_of
from core.api.http import parameters
from core.api.limits import RateLimits, network_of
from core.api.seats import SOCKETS_PER_ADDRESS_MAX, Seats
from core.identity.tokens import NOBODY, Caller, Tokens
from core.ops import metrics

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 5.0
SUBSCRIPTIONS_MAX = 20
MESSAGE_MAX_CHARS = 64 * 1024
#: Messages a client may send before it counts as abuse: ids are cheap, the guard is not.
MESSAGES_PER_S = 50
RECHECK_S = 1.0


class Sockets:
    """The door /graphql for WebSockets, and all sockets that came through it."""

    def __init__(
        self,
        execution: Execution,
        tokens: Tokens,
        limits: RateLimits,
        origins: tuple[str, ...] = (),
        init_timeout_s: float = INIT_TIMEOUT_S,
    ) -> None:
        self.execution, self.tokens, self.limits, self.origins = execution, tokens, limits, origins
        self.init_timeout_s = init_timeout_s
        self.open: set[Socket] = set()
        self.seats = Seats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        address = network_of(websocket.client.host) if websocket.client else "unknown"
        try:
            if not self._is_origin_allowed(websocket):
                raise Close(FORBIDDEN, "不接受这个来源")
            async with self.seats.hold(f"all:{address}", SOCKETS_PER_ADDRESS_MAX):
                await self._serve(websocket, scope)
        except Close:
            await websocket.close()  # before accept: the client sees 403

    async def _serve(self, websocket: WebSocket, scope: Scope) -> None:
        offered = scope.get("subprotocols") or []
        await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
        socket = Socket(self, websocket)
        self.open.add(socket)
        metrics.SOCKETS.inc()
        try:
            await socket.serve(has_protocol=PROTOCOL in offered)
        finally:
            self.open.discard(socket)
            metrics.SOCKETS.dec()

    def _is_origin_allowed(self, websocket: WebSocket) -> bool:
        """Programs send no Origin; pages must come from this host or from a configured one."""
        origin = websocket.headers.get("origin")
        host = websocket.headers.get("host")
        return origin is None or origin in self.origins or origin in (f"http://{host}", f"https://{host}")

    def restart(self) -> None:
        """Called at a swap: a socket opened under the old schema must not see it any longer."""
        for socket in tuple(self.open):
            socket.stop(Close(RESTART, "应用已切换，请重新连接"))


class Socket:
    """One connection: a reader of messages, a task per operation, and a watch on the token."""

    def __init__(self, door: Sockets, websocket: WebSocket) -> None:
        self.door, self.websocket = door, websocket
        self.caller: Caller = NOBODY
        self.token = ""
        self.address = websocket.client.host if websocket.client else "unknown"
        self.operations: dict[str, asyncio.Task[None]] = {}
        self._ended: asyncio.Future[Close] = asyncio.get_running_loop().create_future()

    def stop(self, close: Close) -> None:
        if not self._ended.done():
            self._ended.set_result(close)

    async def serve(self, *, has_protocol: bool) -> None:
        """Run until the client leaves or something ends the socket; then leave nothing running."""
        conversation = asyncio.create_task(self._converse(has_protocol))
        try:
            await asyncio.wait((conversation, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [conversation, *self.operations.values()]
            for task in tasks:
                task.cancel()
            # Not gather: it would turn a cancellation from outside into one of its own making.
            await asyncio.wait(tasks)
        if self._ended.done() and self.websocket.application_state is WebSocketState.CONNECTED:
            close = self._ended.result()
            await self.websocket.close(close.code, close.reason)

    async def _converse(self, has_protocol: bool) -> None:
        try:
            if not has_protocol:
                raise Close(BAD_PROTOCOL, f"只支持 {PROTOCOL}")
            await self._initialise()
            async with self.door.seats.take(self.caller.actor.id, self.address):
                watch = asyncio.create_task(self._watch_token())
                try:
                    await self._send({"type": "connection_ack"})
                    await self._listen()
                finally:
                    watch.cancel()
        except Close as close:
            self.stop(close)
        except WebSocketDisconnect:
            pass
        except Exception as error:
            entry_of(error)  # logged with a reference; the client learns only that it was us
            self.stop(Close(1011, "内部错误"))

    async def _initialise(self) -> None:
        try:
            async with asyncio.timeout(self.door.init_timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise Close(INIT_TIMEOUT, "没有及时收到 connection_init") from None
        if message["type"] != "connection_init":
            raise Close(UNAUTHORIZED, "请先发送 connection_init")
        try:
            await self.door.limits.check("socket", address=self.address)
            self.caller = self._caller(message.get("payload"))
            if self.caller.actor.id:
                await self.door.limits.check("socket", actor=self.caller.actor.id)
        except RequestError as error:
            raise Close(TOO_MANY if error.code == "RATE_LIMITED" else FORBIDDEN, error.message) from None

    def _caller(self, payload: Any) -> Caller:
        """The token is `authorization` ("Bearer …") of the payload, spelled as one likes."""
        found = {k.lower(): v for k, v in payload.items()} if isinstance(payload, dict) else {}
        value = found.get("authorization")
        if value is None:
            return NOBODY
        text = value if isinstance(value, str) else ""
        self.token = text.removeprefix("Bearer ").removeprefix("bearer ")
        caller = self.door.tokens.verify(self.token)
        self.door.tokens.touch(caller)
        return caller

    async def _watch_token(self) -> None:
        """A socket outlives neither its token nor, by more than RECHECK_S, a revocation."""
        while self.token:
            left_s = self.caller.expires_at - time.time()
            await asyncio.sleep(max(0.0, min(RECHECK_S, left_s)))
            try:
                if time.time() >= self.door.tokens.verify(self.token).expires_at:
                    break
            except RequestError:
                break
        if self.token:
            self.stop(Close(FORBIDDEN, "登录已失效，请重新连接"))

    async def _listen(self) -> None:
        second, count = 0, 0
        while True:
            message = await self._receive()
            now = int(time.monotonic())
            second, count = now, count + 1 if now == second else 1
            if count > MESSAGES_PER_S:
                raise Close(TOO_MANY, "消息过于频繁")
            await self._handle(message)

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(message)
            case "complete":
                if task := self.operations.pop(str(message.get("id")), None):
                    task.cancel()
            case "connection_init":
                raise Close(TOO_MANY, "connection_init 只能发送一次")
            case _:
                raise Close(BAD_MESSAGE, "未知的消息类型")

    def _subscribe(self, message: dict[str, Any]) -> None:
        id, payload = message.get("id"), message.get("payload")
        if not isinstance(id, str) or not 0 < len(id) <= 100 or not isinstance(payload, dict):
            raise Close(BAD_MESSAGE, "subscribe 需要 id 和 payload")
        if id in self.operations:
            raise Close(DUPLICATE_ID, "已有这个 id 的订阅")
        if len(self.operations) >= SUBSCRIPTIONS_MAX:
            raise Close(TOO_MANY, f"每个连接最多 {SUBSCRIPTIONS_MAX} 个订阅")
        try:
            request = parameters(payload)
        except Refusal as refusal:
            raise Close(BAD_MESSAGE, refusal.message) from None
        self.operations[id] = asyncio.create_task(self._operate(id, request))

    async def _operate(self, id: str, request: GraphQLRequest) -> None:
        try:
            await self._check_rate()
            async for body in self.door.execution.stream(request, self.caller.actor):
                await self._send_text(b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(id), body))
            await self._send({"id": id, "type": "complete"})
        except WebSocketDisconnect:
            pass
        except Exception as error:
            await self._send({"id": id, "type": "error", "payload": refusal_of(error).entries})
        finally:
            if self.operations.get(id) is asyncio.current_task():
                del self.operations[id]

    async def _check_rate(self) -> None:
        self.door.tokens.touch(self.caller)
        came_from(self.address)
        await self.door.limits.check("graphql", address=self.address)
        if self.caller.actor.id:
            await self.door.limits.check("graphql", actor=self.caller.actor.id)

    async def _receive(self) -> dict[str, Any]:
        received = await self.websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None or len(text) > MESSAGE_MAX_CHARS:
            raise Close(BAD_MESSAGE, "消息应为不太长的文本")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Close(BAD_MESSAGE, "消息不是 JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Close(BAD_MESSAGE, "消息缺少 type")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, text: bytes) -> None:
        await self.websocket.send({"type": "websocket.send", "text": text.decode()})
