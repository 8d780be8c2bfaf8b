"""The door of the room: tell somebody, read what one was told, see who was told what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError

from core.clock import Calendars
from core.crypto import Vault
from core.identity.required import require_login
from core.manifest.model import World
from core.manifest.outputs import MESSAGE_FACTS, MessageTemplate
from core.manifest.placeholders import fill
from core.messages.addresses import Addresses
from core.messages.delivering import Delivering
from core.messages.gateway import Gateway
from core.messages.preferences import OUTSIDE, USUAL, Preferences, preferences_of, set_preferences
from core.messages.rows import Delivery, Message, Recipient, delivery_row
from core.privacy.rows import Lying
from core.store.database import Database, Insert, Transaction
from core.store.ids import uuid7
from core.store.message_tables import MESSAGE
from core.store.rows import change, read
from core.store.statement import statement

#: Marked read in one call.
READ_MAX = 100


class Messages:
    """`delivering` is the loop; `delivering.unreached` takes what is done when no channel has reached a person."""

    def __init__(
        self, database: Database, vault: Vault, calendars: Calendars, world: Callable[[], World], gateway: Gateway
    ) -> None:
        self.database = database
        self.delivering = Delivering(database, calendars, Addresses(Lying(database, vault), world), gateway)

    async def send_in(
        self, tx: Transaction, template: MessageTemplate, to: Collection[Recipient], facts: Mapping[str, str],
        case_number: str | None, *, division: str = "",
    ) -> None:  # fmt: skip
        """Tell each recipient once; rows of this transaction, delivered after it. ValueError for a fact that is none
        of MESSAGE_FACTS: no other value gets into a message."""
        if strange := facts.keys() - MESSAGE_FACTS.keys():
            raise ValueError(f"no facts of messages: {sorted(strange)}")
        people = list(dict.fromkeys(to))
        wishes = await preferences_of(tx, self.database, {one.person for one in people if one.person})
        words = {
            "title": template.title, "text": fill(template.text, facts), "case_number": case_number,
            "division": division, "sent_at": self.delivering.clock(),
        }  # fmt: skip
        rows = [row for one in people for row in _rows(template, one, wishes.get(one.person or "", USUAL), words)]
        if rows:
            await tx.insert(rows)

    async def mine(
        self, actor: Actor, *, only_unread: bool = False, first: int = 20, after: str | None = None
    ) -> list[Message]:
        """What the caller was told, the newest first, at most `first` of them; `after`: id of the last one seen. A
        delegate sees what the applications of the delegation told."""
        where, values = _own(actor)
        where += " AND read_at IS NULL" if only_unread else ""
        if after is not None:
            where, values = f"{where} AND id < {{after:id}}", {**values, "after": after}
        tail = f" ORDER BY id DESC LIMIT {int(first)}"
        return await read(self.database, self.database.dialect, Message, where + tail, **values)

    async def count_unread(self, actor: Actor) -> int:
        where, values = _own(actor)
        text = f"SELECT count(*) FROM tb_message WHERE {where} AND read_at IS NULL"
        return int(await self.database.fetch_value(*statement(self.database.dialect, MESSAGE, text, **values)))

    async def mark_read(self, actor: Actor, ids: Sequence[str]) -> int:
        """The read receipt; how many of them were unread. Others' messages are left alone like unknown ids."""
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能替本人签收消息", hint="由本人登录后查看")
        if not ids:
            return 0
        where, values = _own(actor)
        found = ids[:READ_MAX]
        marks = ", ".join(f"{{m{i}:id}}" for i in range(len(found)))
        text = (
            "UPDATE tb_message SET read_at = {now:read_at}, reached_at = coalesce(reached_at, {now:read_at}) "
            f"WHERE {where} AND read_at IS NULL AND id IN ({marks})"
        )
        named = {f"m{i}": id for i, id in enumerate(found)}
        async with self.database.transaction() as tx:
            return await tx.execute(
                *statement(self.database.dialect, MESSAGE, text, now=self.delivering.clock(), **values, **named)
            )

    async def preferences(self, person: str) -> Preferences:
        return (await preferences_of(self.database, self.database, [person])).get(person, USUAL)

    async def set_preferences(self, person: str, new: Preferences) -> None:
        await set_preferences(self.database, person, new)

    async def of_case(self, number: str) -> list[tuple[Message, list[Delivery]]]:
        """Who was told what and how it went, the oldest first; the caller has shown that he sees the case."""
        dialect = self.database.dialect
        found = await read(self.database, dialect, Message, "case_number = {n:case_number} ORDER BY id", n=number)
        # Both columns are text.
        inside = "message_id IN (SELECT id FROM tb_message WHERE case_number = {n:channel}) ORDER BY id"
        deliveries = await read(self.database, dialect, Delivery, inside, n=number)
        return [(message, [d for d in deliveries if d.message_id == message.id]) for message in found]

    async def get(self, id: str) -> Message:
        found = await read(self.database, self.database.dialect, Message, "id = {id}", id=id)
        if not found:
            raise NotFoundError("没有这条消息")
        return found[0]

    async def resend(self, id: str) -> None:
        """Send once more, from the first channel that leaves the house on; the caller has shown that he sees it."""
        message = await self.get(id)
        place = next((i for i, channel in enumerate(message.channels) if channel in OUTSIDE), None)
        if message.reached_at is not None:
            raise ConflictError("对方已经收到这条消息，不用重发")
        if place is None:
            raise ConflictError("这条消息只在站内，不能重发", hint="请电话联系对方")
        dialect = self.database.dialect
        async with self.database.transaction() as tx:
            # Changes nothing: whoever resends too waits for this one.
            await change(tx, dialect, MESSAGE, {"is_urgent": message.is_urgent}, "id = {id}", id=id)
            if await read(tx, dialect, Delivery, "message_id = {m:message_id} AND status = 'waiting'", m=id):
                raise ConflictError("这条消息正在发送", hint="请稍后看结果")
            await tx.insert([delivery_row(id, message.channels, place, self.delivering.clock())])


def _rows(template: MessageTemplate, to: Recipient, wishes: Preferences, words: Mapping[str, Any]) -> list[Insert]:
    id, limit = uuid7(), template.must_reach_within
    channels = wishes.route(template.channels, must_reach=limit is not None)
    values = {
        "id": id, "plugin_id": template.plugin_id, "template": template.key, **words, "person": to.person,
        "legal_entity": to.legal_entity, "staff": to.staff, "channels": channels, "is_urgent": template.is_urgent,
        "limit": [limit.value, limit.unit, limit.calendar, limit.basis] if limit else None,
    }  # fmt: skip
    first = [delivery_row(id, channels, 0, words["sent_at"])] if channels else []
    return [Insert(MESSAGE, values), *first]


def _own(actor: Actor) -> tuple[str, dict[str, Any]]:
    """The condition of what was told to a caller in the role he is in."""
    require_login(actor)
    if actor.kind == "staff" and actor.staff is not None:
        return "staff = {staff}", {"staff": actor.staff}
    if actor.legal_entity is not None:
        return "legal_entity = {legal_entity}", {"legal_entity": actor.legal_entity}
    if actor.person is None:
        return "FALSE", {}
    where, values = "person = {person} AND legal_entity IS NULL", {"person": actor.person}
    if actor.agent is None:
        return where, values
    scopes = {f"scope{i}": scope for i, scope in enumerate(actor.scopes)}
    marks = ", ".join(f"{{{name}:plugin_id}}" for name in scopes)
    return (f"{where} AND plugin_id IN ({marks})", {**values, **scopes}) if scopes else ("FALSE", {})
