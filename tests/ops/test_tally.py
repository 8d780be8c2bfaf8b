"""Numbers counted without locks come out as Prometheus expects them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from core.ops.tally import Spread, Tally


def test_a_tally_is_a_counter() -> None:
    registry, tally = CollectorRegistry(), Tally("answers", "Answers", ("door", "status"))
    registry.register(tally)
    tally.counts["graphql", "200"] += 2
    tally.counts["files", "404"] += 1
    assert registry.get_sample_value("answers_total", {"door": "graphql", "status": "200"}) == 2
    assert registry.get_sample_value("answers_total", {"door": "files", "status": "404"}) == 1
    assert registry.get_sample_value("answers_total", {"door": "files", "status": "200"}) is None


def test_a_spread_is_a_histogram_whose_buckets_add_up() -> None:
    registry, spread = CollectorRegistry(), Spread("seconds", "Seconds", "type", (0.1, 1.0))
    registry.register(spread)
    for seconds in (0.05, 0.1, 0.5, 3.0):
        spread.observe("query", seconds)
    buckets = {
        bound: registry.get_sample_value("seconds_bucket", {"type": "query", "le": bound})
        for bound in ("0.1", "1.0", "+Inf")
    }
    assert buckets == {"0.1": 2, "1.0": 3, "+Inf": 4}
    assert registry.get_sample_value("seconds_count", {"type": "query"}) == 4
    assert registry.get_sample_value("seconds_sum", {"type": "query"}) == 3.65
    assert b"# TYPE seconds histogram" in generate_latest(registry)
