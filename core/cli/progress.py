"""Progress of long work: one line that writes over itself, on a terminal only."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Show where the work is; "" takes the line away."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
