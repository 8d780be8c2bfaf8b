"""The door of the room: one per process, over whichever generation stands now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError, RealNameRequiredError

from core.audit import Audit, Entry
from core.crypto import Vault
from core.identity.codes import Codes
from core.manifest.model import World
from core.privacy.catalogue import Catalogue
from core.privacy.consent import Ledger
from core.privacy.consents import Consents
from core.privacy.corrections import Corrections
from core.privacy.delegations import REAL_NAME_MIN, Delegations
from core.privacy.desk import Desk
from core.privacy.engine_rows import ENGINE_ROWS, EngineRows
from core.privacy.erasure import Erasure
from core.privacy.guardians import Guardians
from core.privacy.lookers import Lookers
from core.privacy.minors import MinorsReport
from core.privacy.my_data import SHOWN_MAX, MyData, Section
from core.privacy.people import People, require_person
from core.privacy.rows import Lying
from core.store.database import Database
from core.write.live import Live


class Privacy:
    """What people may demand of the host about themselves. Methods raise RequestError for everything a caller did."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, standing: Callable[[], Live],
        codes: Codes | None = None,
    ) -> None:  # fmt: skip
        """`codes`: none where nobody stands at a counter."""
        self.database, self.vault, self.audit, self._codes = database, vault, audit, codes
        self._standing = standing
        self.catalogue = Catalogue(database)
        self.ledger, self.lying = Ledger(database, vault), Lying(database, vault)

    @property
    def world(self) -> World:
        return self._standing().world

    @property
    def desk(self) -> Desk:
        standing = self._standing()
        return Desk(self.lying, standing.world, standing.access, standing.writer)

    @property
    def people(self) -> People:
        return People(self.lying, self.world)

    @property
    def consents(self) -> Consents:
        return Consents(self.desk, self.ledger, self.audit)

    @property
    def delegations(self) -> Delegations:
        return Delegations(self.desk, self._codes)

    @property
    def guardians(self) -> Guardians:
        return Guardians(self.desk)

    @property
    def my_data(self) -> MyData:
        return MyData(self.lying, self.world, self.catalogue, self._standing().states.keys())

    @property
    def erasure(self) -> Erasure:
        return Erasure(self.desk, self.my_data, self.catalogue, self.ledger, self.audit)

    @property
    def corrections(self) -> Corrections:
        return Corrections(self.desk, self.my_data)

    @property
    def lookers(self) -> Lookers:
        return Lookers(self.lying, self.world, self.catalogue)

    @property
    def minors_report(self) -> MinorsReport:
        return MinorsReport(self.database, self.world, self.catalogue, self.ledger)

    async def viewed(self, actor: Actor, ward: str | None = None) -> tuple[str, tuple[str, ...] | None]:
        """Whose privacy the caller may look at, and in which plugins (None: all): his own, that of a ward, or as a
        delegate that of the principal within the scopes."""
        person = require_person(actor)
        if actor.agent is not None:
            return person, actor.scopes
        return await self.people.self_or_ward(person, ward), None

    async def end_proxies(self, actor: Actor) -> int:
        """What time has ended is marked as ended. Returns how many delegations and guardian links were written."""
        return await self.delegations.expire(actor) + await self.guardians.complete(actor)

    async def spoken_for(self, actor: Actor, ward: str | None = None) -> str:
        """Like `viewed`, for what nobody does by proxy."""
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能替人办理这一项", hint="由本人登录后办理，或到窗口申请")
        return (await self.viewed(actor, ward))[0]

    async def read_all(
        self, actor: Actor, ward: str | None = None, *, action: str = "read", rows_max: int = SHOWN_MAX
    ) -> tuple[str, list[Section]]:
        """Whose data, and all of it the caller may see; told to the audit before anybody sees it. A delegate sees what
        lies in the scopes, and nothing of L3 and L4."""
        person, plugins = await self.viewed(actor, ward)
        if actor.kind == "citizen" and actor.real_name < REAL_NAME_MIN:
            raise RealNameRequiredError(REAL_NAME_MIN)
        sections = [section async for section in self.my_data.sections(person, plugins, rows_max)]
        fields = {
            f"{section.holding.entity.key}.{field.name}"
            for section in sections
            for field in section.holding.personal
            if sees_personal(actor)
            if any(row[field.name] is not None for row in section.rows)
        }
        whom = await self._whom(person, sections) if sees_personal(actor) else (person,)
        rule = "my_data:delegate" if actor.agent else "my_data:self" if person == actor.person else "my_data:guardian"
        await self.audit.record(
            Entry(actor=actor, action=action, subjects=whom, fields=tuple(sorted(fields)), rule=rule)
        )
        return person, sections

    async def engine_rows(
        self, actor: Actor, ward: str | None = None, rows_max: int = SHOWN_MAX
    ) -> list[tuple[EngineRows, list[Mapping[str, Any]]]]:
        """What the host itself holds about her; `read_all` has told the audit. A company's operator sees his own."""
        person, plugins = await self.viewed(actor, ward)
        found = [(one, await one.of(self.database, person, plugins, rows_max + 1)) for one in ENGINE_ROWS]
        return [(one, rows) for one, rows in found if rows]

    async def _whom(self, person: str, sections: Sequence[Section]) -> tuple[str, ...]:
        """Everybody of whom these rows show something personal."""
        found = {person: None}
        for section in sections:
            if len(section.holding.ways) > 1:
                whom = await self.my_data.whom(section.holding, person)
                rows = [row for row in section.rows if any(row[f.name] is not None for f in section.holding.personal)]
                found |= {one: None for row in rows for one in whom.get(row["id"], ()) if one is not None}
        return tuple(found)


def sees_personal(actor: Actor) -> bool:
    """L3 and L4 are for the person and the guardian; what somebody who acts for her needs of it, rules show him."""
    return actor.agent is None
