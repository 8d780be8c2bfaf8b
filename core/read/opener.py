"""The last step of an answer that shows sensitive values: opened, told to the audit, and only then let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tongban_sdk.actor import Actor
from tongban_sdk.errors import RateLimitedError, UnreadableError

from core.audit import Audit, Entry
from core.crypto import SealError, Vault
from core.crypto.fields import masked_value, open_value
from core.fields.base import Field
from core.manifest.model import Entity
from core.read.sight import MARK, SEEN, Sight, Sights

#: What stands in place of a value that cannot be unsealed; may raise instead.
Failing = Callable[[UnreadableError], Any]


def raising(error: UnreadableError) -> Any:
    raise error


def in_place(error: UnreadableError) -> Any:
    """graphql-core makes a located error of it and null of the value; the rest of the answer stands."""
    return error


def as_null(_: UnreadableError) -> Any:
    """For what is read back after a write: the row is written, whatever of it cannot be shown."""
    return None


@dataclass(slots=True)
class Shown:
    """What one root field has shown: the audit line in the making."""

    sight: Sight
    fields: dict[str, None] = field(default_factory=dict)
    purposes: dict[str, None] = field(default_factory=dict)
    rules: dict[str, None] = field(default_factory=dict)
    subjects: dict[str, None] = field(default_factory=dict)
    rows: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for found, entity, rules in self.sight.asked.values():
            self._add(entity, found)
            self.rules.update(dict.fromkeys(rules))

    def _add(self, entity: Entity, found: Field) -> None:
        self.fields[self.sight.label(entity, found)] = None
        if found.purpose:
            self.purposes[f"{entity.plugin_id}.{found.purpose}"] = None

    def see(self, sights: Sights, seen: Sequence[Any]) -> None:
        """One object, by its hidden key."""
        number, row_id, flags, rule, *whom = seen
        spot = sights.spots[number]
        shown = [*spot.always, *(f for f, flag in zip(spot.sometimes, flags, strict=True) if flag == "1")]
        if not shown:
            return
        for found in shown:
            self._add(spot.entity, found)
        self.rows[row_id] = None
        self.subjects.update(dict.fromkeys(filter(None, whom)))
        if rule:
            self.rules[rule] = None

    def told(self, entry: Entry, row_id: str) -> Entry:
        """A line begun elsewhere, with whom and what it concerns."""
        subjects, rule = tuple(self.subjects), ",".join(self.rules)
        return replace(entry, row_id=row_id, subjects=subjects, rule=rule, fields=tuple(self.fields) or entry.fields)

    def line(self, actor: Actor, fields: Sequence[str]) -> Entry:
        """The line of a reading that has shown some of these fields only."""
        subjects, rule = tuple(self.subjects), ",".join(self.rules)
        entry = Entry(actor, "read", self.sight.entity.key, subjects=subjects, fields=tuple(fields), rule=rule)
        return replace(entry, purpose=",".join(self.purposes))

    def entry(self, actor: Actor) -> Entry | None:
        """The audit line; None when nothing sensitive was clear after all."""
        if not self.fields:
            return None
        return Entry(
            actor,
            "read",
            self.sight.entity.key,
            next(iter(self.rows)) if len(self.rows) == 1 else "",
            subjects=tuple(self.subjects),
            fields=tuple(self.fields),
            purpose=",".join(self.purposes),
            rule=",".join(self.rules),
            detail=f"{len(self.rows)} 行",
        )


class Limits(Protocol):
    """Quotas of accounts."""

    async def take(self, name: str, key: str, by: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class Opener:
    """Of one process: the keys, the book of who looked, and how often one may guess."""

    vault: Vault | None = None
    audit: Audit | None = None
    limits: Limits | None = None

    async def open(self, sights: Sights, answers: dict[str, Any], actor: Actor, failing: Failing) -> None:
        """Open the answers of root fields (by response key) in place and record what they show.

        Raises AuditUnavailableError when it cannot be recorded, RateLimitedError when the caller has looked for too
        many masked values: nothing may leave then.
        """
        found = [self.look(sights, sight, answers.get(sight.key), failing) for sight in sights.roots]
        entries = [entry for shown in found if (entry := shown.entry(actor)) is not None]
        try:
            if sights.guesses and self.limits is not None and actor.kind != "system":
                await self.limits.take("search_account", actor.id, sights.guesses)
        except RateLimitedError as error:
            await self.record(*(replace(entry, result=error.code) for entry in entries))
            raise
        if entries:
            await self.record(*entries)

    def look(self, sights: Sights, sight: Sight, answer: Any, failing: Failing) -> Shown:
        """Open the answer of one root field in place; what it shows is still to be recorded."""
        shown = Shown(sight)
        self._walk(sights, answer, shown, failing)
        return shown

    async def record(self, *entries: Entry) -> None:
        """Write audit lines, inside the transaction that reads when there is one. AuditUnavailableError."""
        if self.audit is None:
            return
        if not self.audit.database.in_transaction:
            await self.audit.record(*entries)
            return
        async with self.audit.database.transaction() as tx:
            await self.audit.within(tx, *entries)

    def _walk(self, sights: Sights, value: Any, shown: Shown, failing: Failing) -> None:
        if value.__class__ is list:
            for item in value:
                self._walk(sights, item, shown, failing)
        elif value.__class__ is dict:
            if (seen := value.pop(SEEN, None)) is not None:
                shown.see(sights, seen)
            for key, item in value.items():
                if item.__class__ is str:
                    if item.startswith(MARK):
                        value[key] = self._opened(sights, item, failing)
                elif item.__class__ in (dict, list):
                    self._walk(sights, item, shown, failing)

    def _opened(self, sights: Sights, mark: str, failing: Failing) -> Any:
        number, row_id, sealed = mark[len(MARK) :].split(":", 2)
        opening = sights.openings[int(number)]
        try:
            value = self.unseal(opening.entity, opening.field, row_id, sealed)
        except UnreadableError as error:
            return failing(error)
        if opening.masked:
            return masked_value(opening.field, value)
        return opening.select(value) if opening.select else value

    def unseal(self, entity: Entity, found: Field, row_id: str, sealed: str) -> Any:
        """A value as the API prints it; UnreadableError when it cannot be opened."""
        try:
            if self.vault is not None:
                return open_value(self.vault, entity, found, row_id, sealed)
        except SealError as error:
            raise UnreadableError(f"“{found.title}”的密文打不开，请联系系统管理员") from error
        raise UnreadableError(f"“{found.title}”已加密，此处不能打开")
