"""Interrupts Python that does not give the thread back: `while True`, `time.sleep`, a runaway regular expression.

Works on the main thread only, by SIGALRM; C code that ignores signals is out of reach (in-process plugins are trusted).
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from time import monotonic
from types import FrameType
from typing import Any, Generic, TypeVar

from core.store import clients, sqlite, sqlite_calls

T = TypeVar("T")

#: After the first alarm, again and again: an `except:` may swallow one.
REPEAT_S = 0.05
#: When it does, the next ones come so soon that one strikes inside the `except:` or between two tries.
_SOON_S = tuple(step * 2e-6 for step in range(1, 40))
#: Code of the watch itself, and of where transactions begin and end: an alarm here would leave it half done.
_OURS = frozenset((__file__, contextlib.__file__, clients.__file__, sqlite.__file__, sqlite_calls.__file__))


class WatchdogAlarm(BaseException):
    """Raised inside the running code. A BaseException, so that `except Exception` does not swallow it."""


_deadlines: list[float] = []
#: Alarms since the outermost watch began.
_alarms = 0
#: Whether the last alarm found a finalizer at work and let it be.
_spared = False


@contextlib.contextmanager
def watchdog(limit_s: float) -> Iterator[None]:
    """Raise WatchdogAlarm in the body once it has run for `limit_s`; nested limits keep their own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _alarms
    before = signal.signal(signal.SIGALRM, _alarm)
    _deadlines.append(monotonic() + limit_s)
    _arm()
    try:
        yield
    finally:
        _deadlines.pop()
        _arm()
        if not _deadlines:
            _alarms = 0
        signal.signal(signal.SIGALRM, before)


def _alarm(number: int, frame: FrameType | None) -> None:
    global _alarms
    if _may_strike(frame) and _deadlines and monotonic() >= min(_deadlines):
        _alarms += 1
        if _alarms > 1:
            signal.setitimer(signal.ITIMER_REAL, _SOON_S[_alarms % len(_SOON_S)], REPEAT_S)
        raise WatchdogAlarm


def _may_strike(frame: FrameType | None) -> bool:
    """Python only prints what is raised in a `__del__`: one that has not ended by the next alarm is struck then."""
    global _spared
    if frame is None or frame.f_code.co_filename in _OURS:
        return False
    _spared = not _spared and _is_finalizer(frame)
    return not _spared


def _is_finalizer(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


def _arm() -> None:
    if _deadlines:
        signal.setitimer(signal.ITIMER_REAL, max(min(_deadlines) - monotonic(), 0.001), REPEAT_S)
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Watched(Generic[T]):
    """An awaitable that runs each stretch of a coroutine between two awaits under the watchdog."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], limit_s: float) -> None:
        self._coroutine = coroutine
        self._limit_s = limit_s

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, send = self._coroutine, None
        failure: BaseException | None = None
        while True:
            try:
                with watchdog(self._limit_s):
                    waited = coroutine.send(send) if failure is None else coroutine.throw(failure)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # StopIteration is not generic
            try:
                send, failure = (yield waited), None
            except BaseException as error:
                failure = error


async def wrapped(value: Awaitable[T]) -> T:
    """Any awaitable as a coroutine, which Watched can drive."""
    return await value
