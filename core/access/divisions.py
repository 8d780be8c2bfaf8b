"""Divisions end and others take their place: rows that lie there stay, new ones go to the one that is valid."""

from __future__ import annotations

import time
from datetime import datetime

from tongban_sdk.changes import Change
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.expr.clock import CHINA
from core.manifest.model import World
from core.store.database import Database
from core.store.statement import statement
from core.store.tables import table_of

DIVISION = "core.division"
#: How long a node goes on with what it read.
FRESH_S = 60.0


class Divisions:
    """Of one generation. The codes that have ended are few and kept in memory, so a write costs no statement."""

    def __init__(self, world: World, database: Database) -> None:
        self._entity, self._database = world.entity(DIVISION), database
        self._ended: dict[str, str | None] = {}
        self._read_at = float("-inf")

    async def check(self, change: Change) -> None:
        """Refuse to put a row into a division that has ended. Who works for one goes on there until his row says
        otherwise."""
        code = change.after.get("division")
        if self._entity is None or code is None or code in (change.before.get("division"), change.actor.division):
            return
        if time.monotonic() - self._read_at > FRESH_S:
            await self._read()
        if code in self._ended:
            hint = f"，现在是 {self._ended[code]}" if self._ended[code] else ""
            path = ("input" if change.action == "create" else "patch", "division")
            problem = InputProblem(path, f"区划 {code} 已停用{hint}", "division.ended")
            raise InvalidInputError("填写的内容有误", [problem])

    async def _read(self) -> None:
        assert self._entity is not None
        table, database = table_of(self._entity), self._database
        text = (
            f'SELECT code, replaced_by FROM "{table.name}" WHERE valid_to <= {{today:valid_to}} AND deleted_at IS NULL'
        )
        found = await database.fetch(*statement(database.dialect, table, text, today=datetime.now(CHINA).date()))
        self._ended, self._read_at = dict(map(tuple, found)), time.monotonic()
