"""How people want to be told: channels that are off, calls first, hours of quiet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.expr.clock import CHINA
from core.fields.times import utc_now
from core.store.database import Database, Insert, Transaction
from core.store.message_tables import MESSAGE_PREFERENCE
from core.store.statement import load_row, statement

INBOX, PHONE, PERSON = "inbox", "phone", "person"
#: Channels that leave the host, with their names. What is in the inbox stays there.
OUTSIDE: Mapping[str, str] = {"sms": "短信", "phone": "电话", "wechat": "微信"}
DAY_MIN = 24 * 60
_NAMES = ("id", "off", "is_phone_first", "quiet_from", "quiet_to")


@dataclass(frozen=True, slots=True)
class Preferences:
    #: Of OUTSIDE.
    off: frozenset[str] = frozenset()
    is_phone_first: bool = False
    #: Minutes of the day in +08:00; equal = no quiet.
    quiet_from: int = 22 * 60
    quiet_to: int = 7 * 60

    def route(self, channels: Sequence[str], *, must_reach: bool) -> list[str]:
        """The channels of a template in the order they are tried. What must reach a person takes all of them, and
        ends with a human being."""
        wanted = [c for c in channels if must_reach or c not in self.off]
        if self.is_phone_first and any(c in OUTSIDE for c in wanted):
            wanted = [PHONE, *(c for c in wanted if c != PHONE)]
        return [*wanted, PERSON] if must_reach else wanted

    def quiet_until(self, now: datetime) -> datetime | None:
        """When what would ring now may ring; None = now."""
        local = now.astimezone(CHINA)
        minute = local.hour * 60 + local.minute
        length = (self.quiet_to - self.quiet_from) % DAY_MIN
        passed = (minute - self.quiet_from) % DAY_MIN
        if passed >= length:
            return None
        return now.replace(second=0, microsecond=0) + timedelta(minutes=length - passed)


USUAL = Preferences()


async def preferences_of(
    source: Database | Transaction, database: Database, persons: Collection[str]
) -> Mapping[str, Preferences]:
    """By person; who said nothing is left out."""
    if not persons:
        return {}
    marks = ", ".join(f"{{p{i}:id}}" for i in range(len(persons)))
    text = f"SELECT {', '.join(_NAMES)} FROM tb_message_preference WHERE id IN ({marks})"
    values = {f"p{i}": person for i, person in enumerate(persons)}
    found = {}
    for raw in await source.fetch(*statement(database.dialect, MESSAGE_PREFERENCE, text, **values)):
        row = load_row(database.dialect, MESSAGE_PREFERENCE, _NAMES, raw)
        found[row["id"]] = Preferences(frozenset(row["off"]), row["is_phone_first"], row["quiet_from"], row["quiet_to"])
    return found


async def set_preferences(database: Database, person: str, new: Preferences) -> None:
    """InvalidInputError says all that does not fit, and nothing changes."""
    if problems := list(_problems(new)):
        raise InvalidInputError("填写的内容有误", problems)
    values = {
        "id": person, "off": sorted(new.off), "is_phone_first": new.is_phone_first, "quiet_from": new.quiet_from,
        "quiet_to": new.quiet_to, "changed_at": utc_now(),
    }  # fmt: skip
    gone = statement(
        database.dialect, MESSAGE_PREFERENCE, "DELETE FROM tb_message_preference WHERE id = {id}", id=person
    )
    async with database.transaction() as tx:
        await tx.execute(*gone)
        await tx.insert([Insert(MESSAGE_PREFERENCE, values)])


def _problems(new: Preferences) -> list[InputProblem]:
    known = "、".join(OUTSIDE)
    found = [
        InputProblem(("off",), f"没有渠道 {name!r}，可以关闭的有 {known}", "message.channel")
        for name in sorted(new.off - OUTSIDE.keys())
    ]
    times = {"quietFrom": new.quiet_from, "quietTo": new.quiet_to}
    found += [
        InputProblem((name,), "应为一天中的时刻，如 22:00", "message.quiet")
        for name, minute in times.items()
        if not 0 <= minute < DAY_MIN
    ]
    return found
