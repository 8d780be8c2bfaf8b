"""One call into one plugin: limited in time, checked, blamed, counted."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from tongban_sdk.errors import RequestError

from core.plugins.breaker import Breaker
from core.plugins.errors import HookFailedError, HookTimeoutError, PluginError, QuarantinedError
from core.plugins.watchdog import WatchdogAlarm, Watched, watchdog, wrapped

#: Longest stretch of a hook that does not await: the event loop stands still for everybody meanwhile.
STRETCH_S = 0.25


async def guarded(
    plugin_id: str,
    hook: str,
    call: Callable[[], Any],
    *,
    limit_s: float,
    breaker: Breaker | None = None,
    stretch_s: float = STRETCH_S,
) -> Any:
    """Run `call`; a RequestError passes (it is an answer), all else becomes a PluginError that names the plugin."""
    if breaker is not None and not breaker.admits():
        raise QuarantinedError(plugin_id, hook, f"已隔离：{breaker.reason}")
    try:
        result = await _run(plugin_id, hook, call, limit_s, stretch_s)
    except RequestError:
        if breaker is not None:
            breaker.succeeded()
        raise
    except PluginError as error:
        if breaker is not None:
            breaker.failed(str(error))
        raise
    if breaker is not None:
        breaker.succeeded()
    return result


async def _run(plugin_id: str, hook: str, call: Callable[[], Any], limit_s: float, stretch_s: float) -> Any:
    deadline = asyncio.timeout(limit_s)
    try:
        with watchdog(stretch_s):
            result = call()
        if not inspect.isawaitable(result):
            return result
        async with deadline:
            return await Watched(wrapped(result), stretch_s)
    except RequestError:
        raise
    except WatchdogAlarm as alarm:
        raise HookTimeoutError(plugin_id, hook, stretch_s) from alarm
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        raise HookFailedError(plugin_id, hook, _reason(error)) from error
    except (Exception, SystemExit) as error:
        # SystemExit, too: a plugin that calls sys.exit() must not take the host along.
        if isinstance(error, TimeoutError) and deadline.expired():
            raise HookTimeoutError(plugin_id, hook, limit_s) from error
        raise HookFailedError(plugin_id, hook, _reason(error)) from error


def _is_cancelled() -> bool:
    """Did somebody cancel this request, or did the plugin only raise CancelledError by itself?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    """The kind of the exception only: its text may hold personal data."""
    return f"抛出 {type(error).__name__}"
