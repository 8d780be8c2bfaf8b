"""Counters of the hot path: plain numbers, counted in the event loop's thread, turned into metrics when somebody asks.

prometheus_client's own take a lock and check themselves at every step, which costs as much as reading the request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """A counter by labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._about = (name, documentation)
        self._labels = tuple(labels)
        self.counts: Counter[tuple[str, ...]] = Counter()

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(labels, count)
        yield family


class Spread(Collector):
    """A histogram by one label."""

    def __init__(self, name: str, documentation: str, label: str, bounds: Sequence[float]) -> None:
        self._about = (name, documentation)
        self._label, self._bounds = label, tuple(bounds)
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))

    def observe(self, label: str, value: float) -> None:
        self._sums[label] += value
        self._buckets[label][bisect_left(self._bounds, value)] += 1

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(*self._about, labels=[self._label])
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        for label, buckets in list(self._buckets.items()):
            family.add_metric(
                [label], list(zip(names, map(float, accumulate(buckets)), strict=True)), self._sums[label]
            )
        yield family
