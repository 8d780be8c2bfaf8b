"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

#: How long a cancelled task may take to notice before it is told again.
AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel until each is done: redis-py and `asyncio.wait_for` of Python 3.11 can swallow one cancellation."""
    ending = [task for task in tasks if task is not None]
    waiting = {task for task in ending if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_S)
    await asyncio.gather(*ending, return_exceptions=True)
