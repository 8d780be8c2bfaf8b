"""A visit ends at its time, whether or not somebody looks."""

from __future__ import annotations

from datetime import UTC, datetime

from tongban_sdk import HostApi, JobContext, Row

VISITOR = "community.visitor"
OPEN_STATES = frozenset({"pending", "active"})


async def watch(host: HostApi, visitor_id: str) -> None:
    """Ask for a look at the visit when it ends. Events repeat: the key keeps one request."""
    row = await host.read(VISITOR, visitor_id)
    if row is not None and row["state"] in OPEN_STATES:
        key = f"{visitor_id}:{row['ends_at']}"
        await host.schedule("community.expire_visit", {"visitor": visitor_id}, delay_s=_left_s(row), key=key)


async def expire(context: JobContext) -> None:
    """Mark a visit whose time is over. A visit made longer meanwhile has a later request of its own."""
    row = await context.host.read(VISITOR, str(context.args["visitor"]))
    if row is not None and row["state"] in OPEN_STATES and _left_s(row) == 0:
        await context.host.update(VISITOR, row["id"], row["version"], {"state": "expired"})


def _left_s(row: Row) -> float:
    left = datetime.fromisoformat(row["ends_at"]) - datetime.now(UTC)
    return max(left.total_seconds(), 0.0)
