"""How many sockets an actor and an address may hold on this node."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.api.close import TOO_MANY, Close
from core.api.limits import network_of

SOCKETS_PER_ACTOR_MAX = 5
#: Sockets without a token, per address: each of their subscriptions is asked about each change.
ANONYMOUS_PER_ADDRESS_MAX = 20
#: All sockets of an address, those that have not yet said who they are included; a street may live behind one.
SOCKETS_PER_ADDRESS_MAX = 500


class Seats:
    """Counted while they are held; Close(TOO_MANY) for one more than there are."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def take(self, actor_id: str, address: str) -> AsyncIterator[None]:
        """One of the few sockets an actor may hold, or an address without a token."""
        if actor_id:
            async with self.hold(f"actor:{actor_id}", SOCKETS_PER_ACTOR_MAX):
                yield
        else:
            async with self.hold(f"anonymous:{network_of(address)}", ANONYMOUS_PER_ADDRESS_MAX):
                yield

    @asynccontextmanager
    async def hold(self, key: str, maximum: int) -> AsyncIterator[None]:
        if self._held[key] >= maximum:
            raise Close(TOO_MANY, f"连接过多，上限 {maximum}")
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
