"""`messages.send`: an application's own code tells a person its own words, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from core.access.service import service_actor
from core.crypto import Vault
from core.manifest.model import World
from core.messages.offering import offers
from core.settings import read_settings
from core.write.offers import call
from tests.messages.conftest import DONE, MA, Desk
from tests.worlds import plugin

HELLO = replace(DONE, id="hello", title="入园须知", text="请带好身份证")
WORLD = World({"works": replace(plugin("works", [], []), parts={"messages": {"hello": HELLO, "done": DONE}})})
WORKS = service_actor("works")


async def _told(desk: Desk) -> int:
    return int(await desk.database.fetch_value("SELECT count(*) FROM tb_message", []))


async def test_own_words_once(desk: Desk, tmp_path: Path) -> None:
    vault = await Vault.open(desk.database, read_settings({"TONGBAN_DATA_DIR": str(tmp_path)}))

    async def send(actor: Actor = WORKS, **changed: Any) -> Any:
        args = {"template": "works.hello", "person": MA, "key": "day-1", **changed}
        return await call(offers(desk.messages, vault, lambda: WORLD), actor, "messages.send", args)

    for actor, changed, refusal in (
        (service_actor("other"), {}, PermissionDeniedError),
        (Actor("u1", "staff"), {}, PermissionDeniedError),
        (WORKS, {"template": "works.nothing"}, NotFoundError),
        (WORKS, {"template": "works.done"}, ConflictError),
        (WORKS, {"key": ""}, InvalidInputError),
    ):
        with pytest.raises(refusal):
            await send(actor, **changed)
    assert await _told(desk) == 0
    answers = await asyncio.gather(*(send() for _ in range(5)))
    assert sorted(answer["sent"] for answer in answers) == [False, False, False, False, True]
    assert await send(key="day-2") == {"sent": True}
    assert await _told(desk) == 2
    assert await desk.run() == 4  # into the inbox, and a text, of each
    assert {post.text for post in desk.line.taken.values()} == {"请带好身份证"}
