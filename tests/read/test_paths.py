"""Compiled and ordinary path answer alike: values, order of keys, text of numbers and times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from tongban_sdk.actor import Actor

from tests.read.conftest import House
from tests.worlds import ACTORS

CORPUS = (Path(__file__).parent / "corpus.graphql").read_text().split("-----\n")


def variables_of(text: str) -> dict[str, Any]:
    first, _, _ = text.partition("\n")
    return orjson.loads(first.removeprefix("# variables ")) if first.startswith("# variables ") else {}


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: max(actor.roles - {"anonymous"}, default="anonymous"))
async def test_both_paths_answer_alike(house: House, actor: Actor) -> None:
    compiled_answers = 0
    for text in CORPUS:
        variables = variables_of(text)
        ordinary = await house.ordinary(text, actor, variables)
        compiled = await house.compiled(text, actor, variables)
        if compiled is None:
            assert ordinary.errors, text
            continue
        assert ordinary.errors is None, text
        assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(ordinary.data), text
        compiled_answers += 1
    assert compiled_answers >= 2
