"""One write per answer, in order, and nothing kept back when the connection closes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.server import ServerState

from core.api.wire import HEAD_MAX_BYTES, HEADERS_MAX, WAITING_MAX_BYTES, Gathering, OneWriteProtocol
from core.cli.serve import build_config


class Transport:
    """Remembers what reaches the wire."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return f"info {name}"

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def gathering() -> tuple[Transport, Any]:
    raw: Any = Transport()
    return raw, Gathering(raw, asyncio.get_running_loop())


async def test_head_and_body_leave_together_when_the_callback_ends() -> None:
    raw, transport = gathering()
    transport.write(b"head ")
    transport.write(b"body")
    assert raw.sent == []
    await asyncio.sleep(0)
    assert raw.sent == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert raw.sent == [b"head body", b"next"]


async def test_closing_sends_what_waits_first() -> None:
    raw, transport = gathering()
    transport.write(b"last words")
    transport.close()
    assert (raw.sent, raw.closed, transport.is_closing()) == ([b"last words"], True, True)
    await asyncio.sleep(0)
    assert raw.sent == [b"last words"]


async def test_a_stream_does_not_pile_up() -> None:
    raw, transport = gathering()
    for _ in range(3):
        transport.write(b"x" * WAITING_MAX_BYTES)
    assert sum(map(len, raw.sent)) >= 2 * WAITING_MAX_BYTES
    await asyncio.sleep(0)
    assert sum(map(len, raw.sent)) == 3 * WAITING_MAX_BYTES


async def test_everything_else_is_the_transport_itself() -> None:
    _, transport = gathering()
    assert transport.get_extra_info("peername") == "info peername"


class Wire(Transport):
    """Says when so many answers are there."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self._missing = expected
        self.is_done = asyncio.Event()

    def write(self, data: bytes) -> None:
        super().write(data)
        self._missing -= data.count(b"HTTP/1.1 ")
        if self._missing <= 0:
            self.is_done.set()

    def get_extra_info(self, name: str) -> Any:
        return None


async def answers(*pieces: bytes, expected: int = 1) -> tuple[bytes, bool]:
    """What a connection answers to these pieces, and whether it ends."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    server: Any = app
    config = build_config(server, "127.0.0.1", 0)
    config.load()
    raw: Any = Wire(expected)
    protocol = OneWriteProtocol(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(raw)
    for piece in pieces:
        if not raw.closed:
            protocol.data_received(piece)
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await raw.is_done.wait()
    found = b"".join(raw.sent), raw.closed
    protocol.connection_lost(None)
    return found


POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
ENDLESS = [b"a" * 10_000] * (HEAD_MAX_BYTES // 10_000 + 1)
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [POST + b"x: ", *ENDLESS],
        [b"GET /", *ENDLESS],
        [POST, *[b"".join(b"x%d: y\r\n" % n for n in range(HEADERS_MAX)), b"\r\n"]],
        [CHUNKED + b"1;", *ENDLESS],
        [CHUNKED + b"0\r\n", b"x: ", *ENDLESS],
    ],
    ids=["header", "address", "headers", "chunk", "trailer"],
)
async def test_a_head_has_an_end(pieces: list[bytes]) -> None:
    sent, closed = await answers(*pieces)
    assert (sent[:12], closed) == (b"HTTP/1.1 400", True)


async def test_bodies_and_requests_in_a_row_have_none() -> None:
    body = [POST + b"content-length: 200000\r\n\r\n", *[b"b" * 10_000] * 20]
    one = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    row = one * 5_000
    sent, closed = await answers(*body, row[:70_001], row[70_001:], one[:20], one[20:], expected=5_002)
    assert (sent.count(b"HTTP/1.1 204"), closed) == (5_002, False)
