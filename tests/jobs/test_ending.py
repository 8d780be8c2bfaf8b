"""A task that swallows a cancellation ends all the same."""

from __future__ import annotations

import asyncio

from core.jobs.ending import end


async def test_a_swallowed_cancellation_is_repeated() -> None:
    swallowed: list[int] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if len(swallowed) == 2:
                    raise
                swallowed.append(1)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end([task, None])
    assert (task.cancelled(), len(swallowed)) == (True, 2)


async def test_done_and_failed_tasks_are_no_trouble() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    await end([task])
    assert isinstance(task.exception(), ValueError)
