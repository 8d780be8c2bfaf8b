"""Which lines a mutation has left so far: the doors add the one that is missing, never a second."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from core.audit.entry import Entry


@dataclass(slots=True)
class Call:
    """One mutation while it runs."""

    #: Its name, as the audit calls it.
    action: str
    has_success: bool = False
    has_failure: bool = False

    def has(self, result: str) -> bool:
        return self.has_success if result == "ok" else self.has_failure

    def note(self, entry: Entry) -> None:
        """A committed line. What the mutation reads on its way is not the mutation."""
        if entry.action == "read":
            return
        if entry.result == "ok":
            self.has_success = True
        else:
            self.has_failure = True


#: Of the task; what the task starts shares it.
CALL: ContextVar[Call | None] = ContextVar("audited_call", default=None)


def called() -> str:
    """The mutation written by hand that this is part of, "" for none."""
    return call.action if (call := CALL.get()) is not None else ""


def audited() -> None:
    """Said by a resolver that leaves its lines itself, whatever its outcome: the doors write none."""
    if (call := CALL.get()) is not None:
        call.has_success = call.has_failure = True
