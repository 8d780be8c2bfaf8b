"""Shared capabilities: arguments are checked as a whole before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.errors import InvalidInputError, NotFoundError

from core.write.offers import Offer, call

SCHEMA = {
    "type": "object",
    "properties": {"slot": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
    "required": ["slot"],
    "additionalProperties": False,
}


async def test_checked_then_run() -> None:
    ran: list[Mapping[str, Any]] = []

    async def hold(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        ran.append(args)
        return {"booking": "B1"}

    offers = {"slots.hold": Offer("占位", SCHEMA, hold)}
    with pytest.raises(InvalidInputError) as wrong:
        await call(offers, ANONYMOUS, "slots.hold", {"quantity": 0, "colour": "red"})
    assert {(p.path, p.id, p.message) for p in wrong.value.problems} == {
        (("args", "slot"), "input.required", "slot是必填项"),
        (("args", "quantity"), "form.too-small", "不能小于 1"),
        (("args", "colour"), "input.unknown-field", "没有这个可填写的字段"),
    }
    with pytest.raises(NotFoundError, match=r"没有共享能力 slots\.burn"):
        await call(offers, ANONYMOUS, "slots.burn", {})
    assert ran == []
    assert await call(offers, ANONYMOUS, "slots.hold", {"slot": "S1"}) == {"booking": "B1"}
    assert ran == [{"slot": "S1"}]
