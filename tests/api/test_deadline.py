"""One timer for many requests, and as strict as asyncio.timeout about who cancelled."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.api.deadline import Deadlines


async def test_what_takes_too_long_is_stopped_in_time() -> None:
    deadlines = Deadlines(0.05)
    started = time.perf_counter()
    with pytest.raises(TimeoutError), deadlines.start():
        await asyncio.sleep(5)
    assert 0.04 < time.perf_counter() - started < 1
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # inside a task there is one


async def test_many_run_at_once_and_only_the_late_are_stopped() -> None:
    deadlines = Deadlines(0.08)

    async def work(seconds: float) -> str:
        try:
            with deadlines.start():
                await asyncio.sleep(seconds)
        except TimeoutError:
            return "late"
        return "done"

    first = [asyncio.create_task(work(seconds)) for seconds in (0, 3, 0.01, 3)]
    await asyncio.sleep(0.04)
    second = [asyncio.create_task(work(seconds)) for seconds in (3, 0.01)]
    assert await asyncio.gather(*first) == ["done", "late", "done", "late"]
    assert await asyncio.gather(*second) == ["late", "done"]


async def test_those_that_end_well_are_forgotten() -> None:
    deadlines = Deadlines(60)
    for _ in range(1000):
        with deadlines.start():
            pass
    assert len(deadlines._running) == 0


async def test_a_cancellation_from_outside_stays_one() -> None:
    deadlines = Deadlines(60)

    async def work() -> None:
        with deadlines.start():
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_itself_passes() -> None:
    with pytest.raises(KeyError), Deadlines(60).start():
        raise KeyError("mine")
