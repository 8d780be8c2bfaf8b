"""Ids are UUIDs of version 7, and say in which order their rows were made."""

from __future__ import annotations

import time
from itertools import pairwise
from uuid import RFC_4122, UUID

from core.store.ids import uuid7


def test_ids_stand_in_the_order_they_were_made() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid7() for _ in range(20_000)]
    after = time.time_ns() // 1_000_000
    # A clock that is set back at this moment puts a pair out of order, never more.
    assert sum(first >= second for first, second in pairwise(made)) <= 1
    assert len(set(made)) == len(made)
    for id in (UUID(text) for text in made):
        assert (id.version, id.variant) == (7, RFC_4122)
        assert before <= id.int >> 80 <= after
    # All of the last 62 bits are used.
    assert {id[-1] for id in made} == set("0123456789abcdef")
    assert {id[19] for id in made} == set("89ab")
