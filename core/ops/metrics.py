"""What Prometheus reads. Labels are short fixed lists: nothing a caller sends becomes a label."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, Gauge, Info
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from core.ops.tally import Spread, Tally

CONTENT_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

OPERATIONS = Tally("tongban_operations", "GraphQL operations", ("type", "outcome"))
SECONDS = Spread(
    "tongban_operation_seconds", "Time from document to answer", "type",
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
COMPILED = Tally("tongban_operations_compiled", "Operations answered by one compiled statement", ())
RESPONSES = Tally("tongban_http_responses", "Answers of every door", ("door", "status"))
for collector in (OPERATIONS, SECONDS, COMPILED, RESPONSES):
    REGISTRY.register(collector)
SOCKETS = Gauge("tongban_sockets", "Open WebSockets", registry=REGISTRY)
SUBSCRIPTIONS = Gauge("tongban_subscriptions", "Running subscriptions", registry=REGISTRY)
OUTBOX = Gauge("tongban_outbox_waiting", "Outbox rows not yet delivered", registry=REGISTRY)
GENERATION = Gauge("tongban_generation", "Number of the current generation", registry=REGISTRY)
RUNTIME = Info("tongban_runtime", "What runs this process", registry=REGISTRY)


def observe_operation(kind: str, outcome: str, seconds: float) -> None:
    OPERATIONS.counts[kind, outcome] += 1
    SECONDS.observe(kind, seconds)


def loop_name() -> str:
    """The class of the running event loop, "uvloop.Loop" when all is well."""
    kind = type(asyncio.get_running_loop())
    return f"{kind.__module__}.{kind.__qualname__}"


def expose() -> bytes:
    return generate_latest(REGISTRY)
