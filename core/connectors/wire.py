"""What an adapter is handed, and what it may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.identity.providers import ProviderError


@dataclass(frozen=True, slots=True)
class Call:
    #: The same for every try.
    key: str
    operation: str
    #: JSON values that fit the request's schema.
    values: Mapping[str, Any]
    timeout_s: float


class RefusedError(ProviderError):
    """The outside system will never do this; trying again is of no use."""
