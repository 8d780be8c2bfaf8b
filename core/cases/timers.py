"""What is to happen at a moment: rows written with the step that wants it, and who handles each kind.

The loop that fires them is in core/cases/firing.py; a handler is called inside the transaction that deletes the row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.store.case_tables import TIMER
from core.store.database import Insert, Transaction
from core.store.ids import uuid7
from core.store.statement import statement

if TYPE_CHECKING:
    from core.cases.live import Engine


#: Have a look at a bundle; see core/cases/bundles.py.
BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class Timer:
    """One that fires."""

    id: str
    at: datetime
    kind: str
    case_id: str | None
    task_id: str | None
    args: Mapping[str, Any]
    #: How often it has failed.
    tries: int = 0
    #: Of the worker that fires it.
    claim: str | None = None


#: May find that what it was set for is gone, and then does nothing. An error rolls back all of it.
Handler = Callable[["Engine", Transaction, Timer], Awaitable[None]]


@dataclass
class Timers:
    """Handlers by kind; each kind has one."""

    handlers: dict[str, Handler] = field(default_factory=dict)

    def register(self, kind: str, handler: Handler) -> None:
        if kind in self.handlers:
            raise ValueError(kind)
        self.handlers[kind] = handler


def timer_row(
    kind: str, at: datetime, *, case_id: str | None = None, task_id: str | None = None, **args: Any
) -> Insert:
    """`args` hold nothing personal."""
    values = {"id": uuid7(), "at": at, "kind": kind, "case_id": case_id, "task_id": task_id, "args": args}
    return Insert(TIMER, {**values, "tries": 0})


async def forget(tx: Transaction, engine: Engine, *, case_id: str | None = None, task_id: str | None = None) -> None:
    """Delete the timers of a case or of a task: what they waited for has come."""
    name, value = ("case_id", case_id) if case_id else ("task_id", task_id)
    text = f"DELETE FROM tb_timer WHERE {name} = {{id:{name}}}"
    await tx.execute(*statement(engine.database.dialect, TIMER, text, id=value))
