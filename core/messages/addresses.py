"""Where somebody is reached: read when a channel needs it, kept nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.manifest.model import World
from core.messages.rows import Message
from core.privacy.rows import Lying

#: States of core.person and core.staff in which nobody is there to be told.
GONE = frozenset({"deceased", "left"})


@dataclass(frozen=True, slots=True)
class Addresses:
    lying: Lying
    world: Callable[[], World]

    async def of(self, message: Message, channel: str) -> str | None:
        """A phone number, or for wechat the person's id; None when nobody can be reached on this channel."""
        key, id = ("core.staff", message.staff) if message.staff else ("core.person", message.person)
        entity = self.world().entity(key)
        row = await self.lying.row(entity, id) if entity is not None and id else None
        if row is None or row["state"] in GONE:
            return None
        if channel == "wechat":
            return message.person
        return str(row["phone"]) if row["phone"] else None
