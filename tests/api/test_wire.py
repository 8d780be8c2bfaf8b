"""One write per answer, in order, and nothing kept back when the connection closes."""

from __future__ import annotations

import asyncio
from typing import Any

from core.api.wire import WAITING_MAX_BYTES, Gathering


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
