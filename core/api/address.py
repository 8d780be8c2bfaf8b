"""Where the request that is being answered came from: log-in counts by it. Never stored, never logged."""

from __future__ import annotations

from contextvars import ContextVar

from core.api.limits import network_of

_ADDRESS: ContextVar[str] = ContextVar("address", default="unknown")


def came_from(address: str) -> None:
    """Said by the doors, once per request, in the task that answers it."""
    _ADDRESS.set(network_of(address))


def address() -> str:
    """The address, or the network of an IPv6 subscriber."""
    return _ADDRESS.get()
