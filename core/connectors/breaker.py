"""One per connector and process: a system that is away is asked less often, and delays nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Failures in a row after which nobody asks for a while.
FAILURES_MAX = 5
OPEN_FOR = timedelta(seconds=60)


@dataclass
class Breaker:
    failures: int = 0
    #: Nobody asks before.
    until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    @property
    def is_probing(self) -> bool:
        """One call at a time, until one is answered."""
        return self.failures >= FAILURES_MAX

    def answered(self) -> None:
        self.failures, self.until = 0, None

    def failed(self, now: datetime) -> None:
        self.failures += 1
        if self.is_probing:
            self.until = now + OPEN_FOR
