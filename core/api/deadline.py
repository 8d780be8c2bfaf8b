"""Time limits of many requests by one timer: `asyncio.timeout` makes and cancels a timer for each of them."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Deadlines:
    """`with deadlines.start():` raises TimeoutError in the task when its time is over. All have the same length."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        #: In the order of their ends, as all are equally long. Those that ended well wait to be first, then go.
        self._running: deque[Deadline] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> Deadline:
        return Deadline(self)

    def add(self, deadline: Deadline, loop: asyncio.AbstractEventLoop) -> None:
        self._running.append(deadline)
        if self._timer is None:
            self._timer = loop.call_at(deadline.when, self._fire, loop)

    def sweep(self) -> None:
        running = self._running
        while running and running[0].is_over:
            running.popleft()

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        self.sweep()
        while self._running and self._running[0].when <= now:
            self._running.popleft().expire()
            self.sweep()
        if self._running:
            self._timer = loop.call_at(self._running[0].when, self._fire, loop)


class Deadline:
    """The limit of one task, as strict as `asyncio.timeout` about who cancelled it."""

    __slots__ = ("_all", "_cancelling", "_is_expired", "_task", "is_over", "when")

    def __init__(self, all: Deadlines) -> None:
        self._all = all
        self.is_over = self._is_expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._task, self._cancelling = task, task.cancelling()
        self.when = loop.time() + self._all.seconds
        self._all.add(self, loop)

    def expire(self) -> None:
        self._is_expired = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.is_over = True
        self._all.sweep()
        if self._is_expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
