"""Rows that say what a caller may do: when one changes, the access tokens made of it end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from core.fields.column import Column
from core.identity.sessions import Sessions
from core.store.database import Database

log = structlog.get_logger("tongban.sessions")

_OF_STAFF = "SELECT a.id FROM tb_account a JOIN core_staff s ON s.id = a.staff"
#: Entity → SQL that finds the accounts (or delegations) concerned; `{id}` stands for the changed row's column.
CONCERNED: Mapping[str, tuple[str, str]] = {
    "core.staff": ("SELECT a.id FROM tb_account a WHERE ", "a.staff"),
    "core.post": (f"{_OF_STAFF} WHERE ", "s.post_id"),
    # A unit that moves takes the paths of all units below it along.
    "core.org_unit": (
        f"{_OF_STAFF} JOIN core_org_unit o ON o.id = s.org_unit_id "
        "JOIN core_org_unit u ON o.path LIKE u.path || '%' WHERE ",
        "u.id",
    ),
    # Those of the company, wherever in its tree: what a contract says of it, it says of all units below.
    "core.external_org": (
        f"{_OF_STAFF} JOIN core_org_unit o ON o.id = s.org_unit_id JOIN core_external_org c ON c.id IS NOT NULL "
        "JOIN core_org_unit u ON u.id = c.org_unit_id AND substr(o.path, 1, length(u.path)) = u.path WHERE ",
        "c.id",
    ),
    "core.grid_assignment": (
        "SELECT a.id FROM tb_account a JOIN core_grid_assignment g ON g.staff_id = a.staff WHERE ",
        "g.id",
    ),
    "core.legal_operator": (
        "SELECT a.id FROM tb_account a JOIN core_legal_operator o ON o.legal_entity_id = a.legal_entity WHERE ",
        "o.id",
    ),
    "core.legal_entity": ("SELECT a.id FROM tb_account a WHERE ", "a.legal_entity"),
    "core.delegation": ("SELECT d.id FROM core_delegation d WHERE ", "d.id"),
}
_ID = Column("id", "uuid")


class Change(Protocol):
    """A row that was written, as the write pipeline tells of it."""

    @property
    def entity(self) -> str: ...
    @property
    def id(self) -> str: ...


class Facts:
    """Listens to commits of this process; the sessions' rows tell the other nodes."""

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self._database, self._sessions = database, sessions
        self._tasks: set[asyncio.Task[None]] = set()

    def on_commit(self, written: Sequence[Change]) -> None:
        """Never waits, never raises."""
        changed: dict[str, list[str]] = defaultdict(list)
        for change in written:
            if change.entity in CONCERNED:
                changed[change.entity].append(change.id)
        if changed:
            task = asyncio.get_running_loop().create_task(self._drop(changed), name="facts")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for what is under way."""
        with suppress(Exception):
            await asyncio.gather(*self._tasks)

    async def _drop(self, changed: Mapping[str, Iterable[str]]) -> None:
        try:
            for entity, ids in changed.items():
                await self._sessions.drop(await self._concerned(entity, list(ids)))
        except Exception:
            # The tokens end by themselves within minutes; that they did not end now must be seen.
            log.error("sessions_not_dropped", entities=sorted(changed), exc_info=True)

    async def _concerned(self, entity: str, ids: list[str]) -> list[str]:
        dialect = self._database.dialect
        select, column = CONCERNED[entity]
        text = select + dialect.in_list(column, dialect.placeholder(1), _ID)
        rows = await self._database.fetch(text, [dialect.bind_list(_ID, ids)])
        return sorted({str(id) for (id,) in rows})
