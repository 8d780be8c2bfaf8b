"""Messages on an engine's tables alone: a gateway that does as it is told, addresses by hand, a clock that is set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from tongban_sdk.actor import Actor

from core.clock import Calendars
from core.identity.providers import ProviderError
from core.manifest.cases import NOWHERE, Limit
from core.manifest.outputs import MessageTemplate
from core.messages import Delivery, Message, Messages, Post, Recipient
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from core.store.rows import read

NOON = datetime.fromisoformat("2026-05-20T12:00:00+08:00")
MA, WANG, CLERK = (f"01890000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
FACTS = {"case_no": "WK1", "item": "报修", "state": "已办结"}
DONE = MessageTemplate(
    plugin_id="works", id="done", title="办结通知", text="您的{item}（{case_no}）{state}，期限{due}",
    channels=("inbox", "sms"), must_reach_within=None, to="applicant", place=NOWHERE,
)  # fmt: skip
MUST = replace(DONE, id="must", channels=("inbox", "sms", "phone"), must_reach_within=Limit(2, "H"))


def citizen(person: str, **more: Any) -> Actor:
    return Actor(f"acc-{person[-1]}", "citizen", person, frozenset({"anonymous", "resident"}), **more)


@dataclass
class Line:
    """A gateway that remembers keys, as gateways must."""

    taken: dict[str, Post] = field(default_factory=dict)
    calls: int = 0
    away: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    got: list[str] = field(default_factory=list)

    async def send(self, post: Post) -> bool:
        self.calls += 1
        if post.channel in self.away:
            raise ProviderError(f"{post.address} 不通")
        self.taken.setdefault(post.key, post)
        return post.channel in self.answered

    async def receipts(self) -> Sequence[str]:
        return self.got


@dataclass
class Book:
    phones: dict[str, str] = field(default_factory=lambda: {MA: "13800000001", WANG: "13800000002"})

    async def of(self, message: Message, channel: str) -> str | None:
        return self.phones.get(message.person or message.staff or "")


@dataclass
class Desk:
    database: Database
    messages: Messages
    line: Line
    book: Book
    now: datetime = NOON

    async def send(
        self, template: MessageTemplate = DONE, to: Collection[Recipient] = (Recipient(person=MA),), **facts: str
    ) -> None:
        async with self.database.transaction() as tx:
            await self.messages.send_in(tx, template, to, facts or FACTS, "WK1")

    async def run(self, **later: float) -> int:
        self.now += timedelta(**later)
        return await self.messages.delivering.run_all()

    async def deliveries(self) -> list[Delivery]:
        return await read(self.database, self.database.dialect, Delivery, "tries >= 0 ORDER BY place, id")

    async def states(self) -> list[tuple[str, str]]:
        return [(one.channel, one.status) for one in await self.deliveries()]


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def desk(database: Database) -> Desk:
    await migrate(database, ENGINE_TABLES)
    line, book = Line(), Book()
    nothing = cast("Any", None)
    messages = Messages(database, nothing, Calendars(database), nothing, line)
    desk = Desk(database, messages, line, book)
    messages.delivering.addresses = cast("Any", book)
    messages.delivering.clock = lambda: desk.now
    return desk
