"""Rate limits: a token bucket per actor and per address on every door."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import structlog
from redis.exceptions import RedisError
from tongban_sdk import RateLimitedError

from core.settings import Profile

log = structlog.get_logger("tongban.limits")

Door = Literal["graphql", "files", "socket", "pages", "connectors", "callbacks"]
BUCKETS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens per second, and how many may be saved up."""

    per_s: float
    burst: int

    def times(self, factor: int) -> Rate:
        return Rate(self.per_s * factor, self.burst * factor)


#: Per actor; an address may hold a street full of people behind one router, so it gets ADDRESS_FACTOR times as much.
RATES: Mapping[Door, Rate] = {
    "graphql": Rate(50, 200), "files": Rate(2, 20), "socket": Rate(1, 10),
    "pages": Rate(5, 50), "connectors": Rate(2, 20), "callbacks": Rate(10, 100),
}  # fmt: skip
ADDRESS_FACTOR = 10
#: Development and conformance runs hammer one address; the limit stays in place but out of the way.
OPEN_FACTOR = 1_000
#: Share of a burst fetched from Redis at once, so that most requests cost no round trip.
LEASE_SHARE = 10

#: Take up to ARGV[4] tokens of a bucket shared by all nodes. Redis' own clock, so nodes need not agree on time.
LEASE_LUA = """
local t = redis.call('TIME'); local now = t[1] + t[2] / 1e6
local b = redis.call('HMGET', KEYS[1], 'n', 't')
local n = math.min(tonumber(ARGV[2]), (tonumber(b[1]) or tonumber(ARGV[2])) + (now - (tonumber(b[2]) or now)) * ARGV[1])
local got = math.min(math.floor(n), tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'n', n - got, 't', now)
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[2] / ARGV[1]) + 1)
return got
"""


class Buckets:
    """Token buckets of this process, the least used forgotten first, so memory is bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, maximum: int = BUCKETS_MAX) -> None:
        self._clock, self._maximum = clock, maximum
        self._state: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, rate: Rate) -> float:
        """Take one token. Returns 0, or the seconds until there is one."""
        now = self._clock()
        # Taken out and put back: last means used last.
        tokens, at = self._state.pop(key) if key in self._state else (float(rate.burst), now)
        tokens = min(rate.burst, tokens + (now - at) * rate.per_s)
        wait_s = 0.0 if tokens >= 1 else (1 - tokens) / rate.per_s
        self._state[key] = (tokens if wait_s else tokens - 1, now)
        if len(self._state) > self._maximum:
            self._state.popitem(last=False)
        return wait_s

    def __len__(self) -> int:
        return len(self._state)


class SharedBuckets:
    """Buckets in Redis, shared by all nodes. When Redis is away each node limits on its own: doors never fail open."""

    def __init__(self, redis: Any, local: Buckets | None = None) -> None:
        self._script = redis.register_script(LEASE_LUA)
        self._local = Buckets() if local is None else local
        self._leases: OrderedDict[str, int] = OrderedDict()

    async def take(self, key: str, rate: Rate) -> float:
        left = self._leases.pop(key, 0) or await self._lease(key, rate)
        if left is None:
            return self._local.take(key, rate)
        if left > 1:
            self._leases[key] = left - 1
            if len(self._leases) > BUCKETS_MAX:
                self._leases.popitem(last=False)
        return 0.0 if left else 1 / rate.per_s

    async def _lease(self, key: str, rate: Rate) -> int | None:
        try:
            size = max(1, rate.burst // LEASE_SHARE)
            return int(await self._script(keys=[f"tongban:rate:{key}"], args=[rate.per_s, rate.burst, size]))
        except (RedisError, OSError):
            log.warning("rate_limits_local", reason="redis is away")
            return None


class RateLimits:
    """What the doors ask: may this address, may this actor, come in now?"""

    def __init__(self, profile: Profile, redis: Any = None) -> None:
        factor = 1 if profile == "prod" else OPEN_FACTOR
        self._actor_rates = {door: rate.times(factor) for door, rate in RATES.items()}
        self._address_rates = {door: rate.times(factor * ADDRESS_FACTOR) for door, rate in RATES.items()}
        self._buckets = Buckets()
        self._shared = SharedBuckets(redis, self._buckets) if redis is not None else None

    async def check(self, door: Door, *, address: str = "", actor: str = "") -> None:
        """Take one token of the address or of the actor, or raise RateLimitedError."""
        rate = (self._address_rates if address else self._actor_rates)[door]
        key = f"{door}:a:{network_of(address)}" if address else f"{door}:u:{actor}"
        wait_s = await self._shared.take(key, rate) if self._shared else self._buckets.take(key, rate)
        if wait_s:
            raise RateLimitedError("请求过于频繁，请稍后再试", retry_after_s=ceil(wait_s * 1000) / 1000)


def network_of(address: str) -> str:
    """An IPv6 subscriber owns a /64 and could otherwise change address with every request."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address
