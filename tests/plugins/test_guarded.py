"""Faulty plugin code, one kind per test: the caller gets one named error in time and the loop lives on."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from tongban_sdk import ConflictError

from core.plugins.breaker import FAILURES_MAX, PAUSE_S, WINDOW_S, Breaker
from core.plugins.errors import HookFailedError, HookTimeoutError, QuarantinedError
from core.plugins.guarded import guarded

STRETCH_S = 0.05


def _loop() -> None:
    while True:
        pass


def _loop_under_except() -> None:
    while True:
        try:
            while True:
                pass
        except Exception:
            continue


def _sleep() -> None:
    time.sleep(10)


def _regular_expression() -> None:
    re.match(r"(a+)+$", "a" * 40 + "b")


class _Final:
    """Its end takes longer than the stretch, once."""

    def __del__(self) -> None:
        until = time.monotonic() + STRETCH_S + 0.02
        while time.monotonic() < until:
            pass


def _loop_after_a_slow_end() -> None:
    _Final()
    while True:
        pass


async def _loop_after_await() -> None:
    await asyncio.sleep(0)
    while True:
        pass


async def _swallow_once() -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:
            await asyncio.sleep(0)
            break
    _sleep()


def _sleep_under_bare_except() -> None:
    while True:
        try:
            time.sleep(10)
        except:  # noqa: E722  # what a hostile or careless author writes
            continue


def _swallow_in_the_caller() -> None:
    while True:
        try:
            _sleep_under_bare_except()
        except BaseException as error:
            str(error)


async def _swallow_after_await() -> None:
    await asyncio.sleep(0)
    _swallow_in_the_caller()


BLOCKERS: list[Callable[[], Any]] = [
    _loop, _loop_under_except, _sleep, _regular_expression, _loop_after_await, _swallow_once,
    _sleep_under_bare_except, _swallow_in_the_caller, _swallow_after_await, _loop_after_a_slow_end,
]  # fmt: skip


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("blocker", BLOCKERS, ids=lambda f: f.__name__)
def test_a_blocking_hook_is_interrupted(
    loop: Callable[[], asyncio.AbstractEventLoop], blocker: Callable[[], Any]
) -> None:
    async def main() -> float:
        begun = time.monotonic()
        with pytest.raises(HookTimeoutError) as caught:
            await guarded("bad", "check_change", blocker, limit_s=5, stretch_s=STRETCH_S)
        assert (caught.value.plugin_id, caught.value.hook, caught.value.limit_s) == ("bad", "check_change", STRETCH_S)
        await asyncio.sleep(0.12)  # no late alarm hits the host
        return time.monotonic() - begun

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(main()) < 2
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


async def test_a_hook_that_waits_forever_is_cancelled() -> None:
    with pytest.raises(HookTimeoutError) as caught:
        await guarded("bad", "on_changed", lambda: asyncio.sleep(60), limit_s=0.05)
    assert str(caught.value) == "插件 bad 的 on_changed：超过 0.05 秒"


def _raise(error: BaseException) -> Callable[[], Any]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    "error",
    [
        ValueError("王小明 640522"),
        RecursionError(),
        MemoryError(),
        SystemExit(1),
        TimeoutError(),
        asyncio.CancelledError(),
    ],
)
async def test_an_exception_is_blamed_without_its_text(error: BaseException) -> None:
    with pytest.raises(HookFailedError) as caught:
        await guarded("bad", "jobs", _raise(error), limit_s=1)
    assert caught.value.__cause__ is error
    assert str(caught.value) == f"插件 bad 的 jobs：抛出 {type(error).__name__}"


async def test_a_refusal_is_an_answer_not_a_failure() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_MAX + 1):
        with pytest.raises(ConflictError):
            await guarded("good", "check_change", _raise(ConflictError("座位已满")), limit_s=1, breaker=breaker)
    assert not breaker.is_open


async def test_cancelling_the_request_is_not_the_plugins_fault() -> None:
    breaker = Breaker()
    task = asyncio.create_task(guarded("good", "on_changed", lambda: asyncio.sleep(60), limit_s=60, breaker=breaker))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not breaker.is_open
    assert len(breaker._failures) == 0


async def test_results_pass_and_awaits_work() -> None:
    async def answer() -> int:
        await asyncio.sleep(0.01)
        return 42

    assert await guarded("good", "x", answer, limit_s=1) == 42
    assert await guarded("good", "x", lambda: 43, limit_s=1) == 43


async def test_another_request_goes_on_while_a_hook_waits() -> None:
    slow = asyncio.create_task(guarded("slow", "x", lambda: asyncio.sleep(0.3), limit_s=1))
    begun = time.monotonic()
    assert await guarded("good", "x", lambda: 1, limit_s=1) == 1
    assert time.monotonic() - begun < 0.1
    await slow


def test_off_the_main_thread_only_the_whole_is_limited() -> None:
    outcomes: list[str] = []

    def run() -> None:
        try:
            asyncio.run(guarded("bad", "x", lambda: asyncio.sleep(5), limit_s=0.05))
        except HookTimeoutError as error:
            outcomes.append(error.hook)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert outcomes == ["x"]


async def test_five_failures_in_a_minute_quarantine_and_one_good_try_heals() -> None:
    now = [1000.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_MAX):
        assert not breaker.is_open
        with pytest.raises(HookFailedError):
            await guarded("bad", "x", _raise(ValueError()), limit_s=1, breaker=breaker)
    assert breaker.is_open
    calls: list[int] = []
    with pytest.raises(QuarantinedError, match="抛出 ValueError"):
        await guarded("bad", "x", lambda: calls.append(1), limit_s=1, breaker=breaker)
    assert calls == []
    now[0] += PAUSE_S
    with pytest.raises(HookFailedError):  # the trial fails: another pause
        await guarded("bad", "x", _raise(ValueError()), limit_s=1, breaker=breaker)
    with pytest.raises(QuarantinedError):
        await guarded("bad", "x", lambda: calls.append(1), limit_s=1, breaker=breaker)
    now[0] += PAUSE_S
    await guarded("bad", "x", lambda: calls.append(1), limit_s=1, breaker=breaker)
    assert calls == [1]
    assert not breaker.is_open


async def test_failures_far_apart_do_not_quarantine() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    for _ in range(FAILURES_MAX * 2):
        now[0] += WINDOW_S / 2
        breaker.failed("x")
    assert not breaker.is_open
