from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tongban_sdk import RateLimitedError

from core.api.limits import ADDRESS_FACTOR, RATES, Buckets, Rate, RateLimits, SharedBuckets
from tests.conftest import REDIS, needed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    buckets, rate = Buckets(clock), Rate(2, 3)
    assert [buckets.take("a", rate) for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now = 0.5
    assert [buckets.take("a", rate) for _ in range(2)] == [0, 0.5]
    clock.now = 100
    assert [buckets.take("a", rate) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b", rate) == 0


def test_memory_is_bounded_and_the_busy_are_kept() -> None:
    buckets, rate = Buckets(Clock(), maximum=10), Rate(1, 1)
    for n in range(100):
        buckets.take("busy", rate)
        buckets.take(str(n), rate)
    assert len(buckets) == 10
    assert buckets.take("busy", rate) > 0


async def test_doors_actors_and_addresses_have_their_own_buckets() -> None:
    limits = RateLimits("prod")
    rate = RATES["files"]
    for _ in range(rate.burst):
        await limits.check("files", actor="a")
    with pytest.raises(RateLimitedError) as caught:
        await limits.check("files", actor="a")
    assert 0 < caught.value.retry_after_s <= 1 / rate.per_s
    await limits.check("files", actor="b")
    await limits.check("graphql", actor="a")
    for _ in range(rate.burst * ADDRESS_FACTOR):
        await limits.check("files", address="a")
    with pytest.raises(RateLimitedError):
        await limits.check("files", address="a")


async def test_an_ipv6_subscriber_is_one_address() -> None:
    limits = RateLimits("prod")
    for n in range(RATES["files"].burst * ADDRESS_FACTOR):
        await limits.check("files", address=f"2001:db8:1:2::{n:x}")
    with pytest.raises(RateLimitedError):
        await limits.check("files", address="2001:db8:1:2:ffff::1")
    await limits.check("files", address="2001:db8:1:3::1")


@pytest.fixture
async def redis() -> AsyncIterator[Any]:
    url = needed(REDIS)
    client = Redis.from_url(url)
    yield client
    await client.delete("tongban:rate:test-limits")
    await client.aclose()


async def test_nodes_share_a_bucket(redis: Any) -> None:
    nodes = [SharedBuckets(redis), SharedBuckets(redis)]
    rate = Rate(0.001, 40)
    taken = [await nodes[n % 2].take("test-limits", rate) for n in range(60)]
    assert taken.count(0.0) == 40
    assert taken[-1] == 1000


async def test_without_redis_each_node_limits_alone() -> None:
    class Gone:
        def register_script(self, _: str) -> Any:
            async def fail(**_: Any) -> int:
                raise RedisConnectionError("gone")

            return fail

    shared = SharedBuckets(Gone(), Buckets(Clock()))
    assert [await shared.take("k", Rate(1, 2)) for _ in range(3)] == [0, 0, 1]
