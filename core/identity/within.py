"""Calls to providers have an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from core.identity.providers import PROVIDER_TIMEOUT_S, ProviderError

T = TypeVar("T")


async def within(call: Awaitable[T], limit_s: float = PROVIDER_TIMEOUT_S) -> T:
    """The provider's answer, or ProviderError: whatever else goes wrong there is no bug of ours."""
    try:
        async with asyncio.timeout(limit_s):
            return await call
    except ProviderError:
        raise
    except Exception as error:
        raise ProviderError(f"{type(error).__name__}") from error
