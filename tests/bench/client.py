"""A small load generator for machines without wrk: raw sockets, keep-alive, one request in flight per connection."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import orjson
import uvloop

from tests.bench.operations import KEY_MARK


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer of the last one is complete."""

    def __init__(self, next_request: Callable[[], bytes], answered: Callable[[float, int, bool], None]) -> None:
        self.next_request = next_request
        self.answered = answered
        self.buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, gap, body = self.buffer.partition(b"\r\n\r\n")
        if gap and len(body) >= _content_length(head):
            ok = head.startswith(b"HTTP/1.1 200")
            self.answered(time.perf_counter() - self.sent_at, len(self.buffer), ok)
            self.buffer = b""
            self._send()

    def _send(self) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(self.next_request())


def _content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    end = lower.find(b"\r\n", start)
    return int(lower[start : end if end > 0 else None])


def _requests(path: str, token: str, run: str) -> Callable[[], bytes]:
    texts = []
    for body in Path(path).read_bytes().splitlines():
        head = f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        texts.append(head.encode() + body)
    turn = 0

    def next_request() -> bytes:
        nonlocal turn
        turn += 1
        return texts[turn % len(texts)].replace(KEY_MARK.encode(), f"KEY-{run}-{turn:012d}".encode())

    return next_request


async def _load(port: int, connections: int, seconds: float, next_request: Callable[[], bytes]) -> dict[str, float]:
    times: list[float] = []
    failed = size = 0

    def answered(seconds: float, length: int, ok: bool) -> None:
        nonlocal failed, size
        times.append(seconds)
        failed, size = failed + (not ok), size + length

    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(next_request, answered), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    taken = time.perf_counter() - started
    ordered = sorted(times) or [0.0]
    return {
        "requests": len(times),
        "seconds": taken,
        "failed": failed,
        "bytes": size,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
    }


def main(words: list[str]) -> None:
    port, connections, seconds, path, token, run, _ = words
    next_request = _requests(path, token, run)
    print(orjson.dumps(uvloop.run(_load(int(port), int(connections), float(seconds), next_request))).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
