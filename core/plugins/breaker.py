"""A circuit breaker per plugin: after too many failures it is left alone for a while, then tried once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

#: Michael Nygard, "Release It!": small enough to protect a request queue, large enough for one bad minute.
FAILURES_MAX = 5
WINDOW_S = 60.0
PAUSE_S = 30.0


@dataclass
class Breaker:
    """closed → (too many failures) open → (after the pause, one try) closed or open again."""

    clock: Callable[[], float] = monotonic
    reason: str = ""
    _failures: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES_MAX))
    _open_until: float = 0.0
    _is_open: bool = False

    @property
    def is_open(self) -> bool:
        """True while the plugin is quarantined, the trial included."""
        return self._is_open

    def admits(self) -> bool:
        """May a call go through now? In quarantine one call per pause is let through as a trial."""
        if not self._is_open:
            return True
        if self.clock() < self._open_until:
            return False
        self._open_until = self.clock() + PAUSE_S
        return True

    def succeeded(self) -> None:
        if self._is_open:
            self._is_open, self.reason = False, ""
            self._failures.clear()

    def failed(self, reason: str) -> None:
        now = self.clock()
        self._failures.append(now)
        crowded = len(self._failures) == FAILURES_MAX and now - self._failures[0] <= WINDOW_S
        if crowded or self._is_open:
            self._is_open, self._open_until, self.reason = True, now + PAUSE_S, reason
