"""Each message once, on the channel whose turn it is; nobody is woken, nobody is forgotten."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from tongban_sdk.errors import ConflictError

from core.clock import Calendars
from core.messages import Message, Messages, Post, Preferences, Recipient
from core.messages.delivering import RETRY_S
from core.messages.gateway import FileGateway
from core.store.database import Database, Transaction
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from tests.messages.conftest import CLERK, DONE, FACTS, MA, MUST, NOON, WANG, Book, Desk, citizen

URGENT = replace(DONE, id="urgent", is_urgent=True)


async def test_the_inbox_is_at_once_and_the_text_goes_along(desk: Desk) -> None:
    await desk.send()
    [message] = await desk.messages.mine(citizen(MA))
    assert (message.title, message.text) == ("办结通知", "您的报修（WK1）已办结，期限—")
    await desk.run()
    assert await desk.states() == [("inbox", "sent"), ("sms", "sent")]
    [post] = desk.line.taken.values()
    assert (post.channel, post.address, post.text) == ("sms", "13800000001", message.text)
    assert await desk.run(hours=3) == 0


async def test_a_message_of_a_step_that_failed_is_none(desk: Desk) -> None:
    async def fail() -> None:
        async with desk.database.transaction() as tx:
            await desk.messages.send_in(tx, DONE, [Recipient(person=MA)], FACTS, "WK1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await desk.run() == 0
    assert await desk.messages.mine(citizen(MA)) == []


async def test_no_other_fact_gets_in(desk: Desk) -> None:
    with pytest.raises(ValueError, match="diagnosis"):
        await desk.send(diagnosis="肺结核")
    assert await desk.messages.mine(citizen(MA)) == []


async def test_each_is_told_once(desk: Desk) -> None:
    await desk.send(to=[Recipient(person=MA), Recipient(person=WANG), Recipient(person=MA)])
    await desk.run()
    assert sorted(post.address for post in desk.line.taken.values()) == ["13800000001", "13800000002"]


async def test_a_gateway_that_is_away_is_tried_again_then_dead(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.line.away = {"sms"}
    with caplog.at_level(logging.DEBUG, "tongban.messages"):
        await desk.send(URGENT)
        await desk.run()
        for wait in RETRY_S:
            assert (await desk.states())[1] == ("sms", "waiting")
            assert await desk.run(seconds=wait - 1) == 0
            assert await desk.run(seconds=1) == 1
    assert desk.line.calls == 1 + len(RETRY_S)
    assert await desk.states() == [("inbox", "sent"), ("sms", "dead")]
    [dead] = await desk.messages.delivering.dead()
    assert (dead.channel, dead.tries, dead.error, dead.case_number) == ("sms", 5, "ProviderError", "WK1")
    assert await desk.messages.delivering.check() == "一天内 1 条消息多次发送失败，请检查消息通道"
    assert len(caplog.records) == 5
    assert "13800000001" not in caplog.text


async def test_a_message_sent_again_arrives_when_the_gateway_is_back(desk: Desk) -> None:
    desk.messages.delivering.retry_s = ()
    desk.line.away = {"sms"}
    await desk.send()
    [message] = await desk.messages.mine(citizen(MA))
    with pytest.raises(ConflictError, match="正在发送"):
        await desk.messages.resend(message.id)
    await desk.run()
    desk.line.away = set()
    await desk.messages.resend(message.id)
    with pytest.raises(ConflictError, match="正在发送"):
        await desk.messages.resend(message.id)
    await desk.run()
    assert [status for _, status in await desk.states()] == ["sent", "dead", "sent"]
    await desk.messages.mark_read(citizen(MA), [message.id])
    with pytest.raises(ConflictError, match="已经收到"):
        await desk.messages.resend(message.id)


async def test_what_must_reach_goes_from_channel_to_channel_to_a_person(desk: Desk) -> None:
    told: list[str] = []

    async def unreached(tx: Transaction, message: Message) -> None:
        told.append(message.template)

    desk.messages.delivering.unreached = unreached
    await desk.send(MUST)
    await desk.run()
    assert await desk.states() == [("inbox", "sent"), ("sms", "waiting")]
    assert await desk.run(minutes=119) == 0
    await desk.run(minutes=1)
    assert (await desk.states())[1:] == [("sms", "sent"), ("phone", "waiting")]
    await desk.run(hours=2)
    assert (await desk.states())[2:] == [("phone", "sent"), ("person", "waiting")]
    assert told == []
    await desk.run(hours=2)
    assert told == ["works.must"]
    assert await desk.run(days=1) == 0


@pytest.mark.parametrize("way", ["read", "receipt", "answer"])
async def test_a_receipt_ends_it(desk: Desk, way: str) -> None:
    template = replace(MUST, channels=("sms", "phone"))
    desk.line.answered = {"sms"} if way == "answer" else set()
    await desk.send(template)
    await desk.run()
    [message] = await desk.messages.mine(citizen(MA))
    if way == "read":
        assert await desk.messages.mark_read(citizen(MA), [message.id]) == 1
    elif way == "receipt":
        desk.line.got = list(desk.line.taken) * 2
        assert await desk.messages.delivering.take_receipts() == 1
        assert await desk.messages.delivering.take_receipts() == 0
    await desk.run(days=2)
    last = {"read": [("sms", "sent"), ("phone", "skipped")], "receipt": [("sms", "delivered"), ("phone", "skipped")]}
    assert await desk.states() == last.get(way, [("sms", "delivered")])
    assert (await desk.messages.get(message.id)).reached_at is not None
    assert len(desk.line.taken) == 1


async def test_night_is_for_what_is_urgent(desk: Desk) -> None:
    desk.now = NOON.replace(hour=22)
    await desk.send(URGENT)
    await desk.send(DONE, [Recipient(person=WANG)])
    await desk.run()
    assert [post.address for post in desk.line.taken.values()] == ["13800000001"]
    assert await desk.run(hours=8, minutes=59) == 0
    await desk.run(minutes=1)
    assert [post.address for post in desk.line.taken.values()] == ["13800000001", "13800000002"]


@pytest.mark.parametrize(
    ("hour", "minute", "until"),
    [(21, 59, None), (22, 0, "07:00"), (23, 30, "07:00"), (6, 59, "07:00"), (7, 0, None), (12, 0, None)],
)
def test_quiet_hours_go_over_midnight(hour: int, minute: int, until: str | None) -> None:
    found = Preferences().quiet_until(NOON.replace(hour=hour, minute=minute, second=30))
    assert (found and f"{found:%H:%M:%S}") == (until and f"{until}:00")
    assert found is None or found - NOON.replace(hour=hour, minute=minute) <= timedelta(hours=9)


def test_equal_hours_are_no_quiet() -> None:
    assert Preferences(quiet_from=0, quiet_to=0).quiet_until(NOON.replace(hour=0)) is None


@pytest.mark.parametrize(
    ("wishes", "must", "route"),
    [
        (Preferences(), False, ["inbox", "sms"]),
        (Preferences(frozenset({"sms"})), False, ["inbox"]),
        (Preferences(frozenset({"sms"})), True, ["inbox", "sms", "person"]),
        (Preferences(is_phone_first=True), False, ["phone", "inbox", "sms"]),
        (Preferences(frozenset({"sms"}), is_phone_first=True), False, ["inbox"]),
    ],
)
def test_wishes_make_the_route(wishes: Preferences, must: bool, route: list[str]) -> None:
    assert wishes.route(DONE.channels, must_reach=must) == route


async def test_a_call_comes_first_where_it_is_wished(desk: Desk) -> None:
    await desk.messages.set_preferences(MA, Preferences(is_phone_first=True))
    desk.line.away = {"phone"}
    desk.messages.delivering.retry_s = ()
    await desk.send()
    await desk.run()
    assert await desk.states() == [("phone", "dead"), ("inbox", "sent"), ("sms", "sent")]


async def test_who_has_no_phone_reads_the_inbox(desk: Desk) -> None:
    await desk.send(to=[Recipient(staff=CLERK)])
    await desk.run()
    assert await desk.states() == [("inbox", "sent"), ("sms", "dead")]
    assert [dead.error for dead in await desk.messages.delivering.dead()] == ["no-address"]
    assert await desk.messages.delivering.check() is None


async def test_two_workers_hand_over_once(desk: Desk) -> None:
    await desk.send(replace(DONE, channels=("sms",)), [Recipient(person=MA), Recipient(person=WANG)])
    other = replace(desk.messages.delivering)
    await asyncio.gather(desk.messages.delivering.turn(), other.turn())
    assert desk.line.calls == 2


async def test_a_receipt_is_not_written_over(desk: Desk) -> None:
    """It comes while the worker is still at it."""
    send = desk.line.send

    async def answer(post: Post) -> bool:
        await send(post)
        await desk.messages.delivering.received(post.key)
        return False

    desk.line.send = answer  # type: ignore[method-assign]  # the gateway is faster than its own answer
    await desk.send(replace(MUST, channels=("sms", "phone")))
    await desk.run()
    assert await desk.states() == [("sms", "delivered")]


async def test_a_worker_that_died_leaves_one_message(database_place: tuple[str, str | None], tmp_path: Path) -> None:
    """Killed after the gateway took it, before that was noted: the next one hands over under the same key."""
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    try:
        await migrate(database, ENGINE_TABLES)
        desk = Desk(database, _messages(database, FileGateway(tmp_path)), cast("Any", None), Book())
        await desk.send(replace(DONE, channels=("sms",), is_urgent=True))
        await _killed(url, schema, tmp_path)
        [delivery] = await desk.deliveries()
        [first] = (tmp_path / "outbox" / "messages").iterdir()
        assert (delivery.status, first.name) == ("waiting", f"{delivery.id}.json")
        assert await desk.messages.delivering.run_all() == 0
        async with database.transaction() as tx:
            await tx.execute("UPDATE tb_delivery SET claimed_until = NULL")
        assert await desk.messages.delivering.run_all() == 1
        [post] = (tmp_path / "outbox" / "messages").iterdir()
        assert json.loads(post.read_text("utf-8"))["address"] == "13800000001"
        assert (post.stat().st_mode & 0o777, await desk.states()) == (0o600, [("sms", "sent")])
        (tmp_path / "outbox" / "messages" / "receipts.txt").write_text(f"{delivery.id}\n", "utf-8")
        assert await desk.messages.delivering.take_receipts() == 1
        assert await desk.states() == [("sms", "delivered")]
    finally:
        await database.close()


def _messages(database: Database, gateway: Any) -> Messages:
    nothing = cast("Any", None)
    messages = Messages(database, nothing, Calendars(database), nothing, gateway)
    messages.delivering.addresses = cast("Any", Book())
    return messages


CHILD = """
import asyncio, os, sys
from pathlib import Path
from core.messages.gateway import FileGateway
from core.store.database import Database
from tests.messages.test_delivering import _messages
class Dying(FileGateway):
    async def send(self, post):
        await super().send(post)
        os._exit(9)
async def main(url, schema, folder):
    database = await Database.open(url, schema=schema or None)
    await _messages(database, Dying(Path(folder))).delivering.turn()
asyncio.run(main(*sys.argv[1:]))
"""


async def _killed(url: str, schema: str | None, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, url, schema or "", str(folder))
    assert await process.wait() == 9
