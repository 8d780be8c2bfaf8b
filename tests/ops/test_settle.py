"""What the boot made is out of the collector's sight; what comes later is not."""

from __future__ import annotations

import gc
import weakref

from core.ops.settle import settle


class Knot:
    """Collectable only by the collector."""

    def __init__(self) -> None:
        self.me = self


def test_later_garbage_is_collected_and_the_boot_is_not_walked_again() -> None:
    kept = [Knot() for _ in range(1000)]
    try:
        settle()
        assert gc.get_freeze_count() > 1000
        assert not any(isinstance(found, Knot) for found in gc.get_objects())
        later = weakref.ref(Knot())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
    assert len(kept) == 1000
