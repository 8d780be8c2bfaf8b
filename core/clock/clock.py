"""The door of the room: one per process."""

from __future__ import annotations

from dataclasses import dataclass

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError

from core.audit import Audit, Entry
from core.clock.calendars import Calendars, Known, read_known, read_version
from core.clock.moves import Move, preview
from core.clock.notices import Notice
from core.clock.running import running_cases
from core.clock.seed import bump
from core.store.database import Database, Insert

_MOVED = "SELECT version, moved FROM tb_calendar_state WHERE id = 'CN'"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a notice would do."""

    #: Of the calendar it was computed on; to be named when it is applied.
    version: int
    #: Running cases that get another due date, or lose or get 暂定.
    moves: tuple[Move, ...]


class Clock:
    def __init__(self, database: Database, audit: Audit) -> None:
        self._database, self._audit = database, audit
        self.calendars = Calendars(database)

    async def preview(self, notice: Notice) -> Effect:
        """What would come of a notice; nothing is changed.

        Raises:
            InvalidInputError: with everything that is wrong.
        """
        known = await self._checked(notice)
        cases = running_cases(self._database, notice.division, due_from=notice.first)
        return Effect(known.version, tuple(await preview(cases, notice.altered(known).of)))

    async def apply(self, actor: Actor, notice: Notice, version: int) -> int:
        """Set it: all rows, one audit line, a new version of the calendar, which is returned.

        Due dates of running cases follow: `unmoved`, `moves`, `settle`.

        Args:
            version: Of the preview the administrator has seen.

        Raises:
            ConflictError: the calendar has changed since that preview.
            InvalidInputError: with everything that is wrong.
        """
        known = await self._checked(notice)
        async with self._database.transaction() as tx:
            new = await bump(self._database, tx)
            if not version == known.version == new - 1:
                raise ConflictError("日历在预览之后已被改动", hint="请重新预览再提交")
            await notice.clear(self._database.dialect, tx)
            await tx.insert([Insert(notice.table, row) for row in notice.rows()])
            await self._audit.within(tx, Entry(actor, "set_calendar", notice.table.name, detail=notice.told()))
        self.calendars.forget()
        return new

    async def _checked(self, notice: Notice) -> Known:
        known = await read_known(self._database, await read_version(self._database))
        if problems := notice.problems(known):
            raise InvalidInputError("日历没有改动：内容有误", problems)
        return known

    async def unmoved(self) -> int | None:
        """The version by which due dates are still to be computed; None when they are."""
        rows = await self._database.fetch(_MOVED, [])
        return int(rows[0][0]) if rows and rows[0][1] < rows[0][0] else None

    async def moves(self) -> list[Move]:
        """Running cases whose due date is not what the calendar of now says."""
        self.calendars.forget()
        return await preview(running_cases(self._database), (await self.calendars.known()).of)

    async def settle(self, version: int) -> None:
        """All due dates are as `version` says."""
        text = f"UPDATE tb_calendar_state SET moved = {int(version)} WHERE id = 'CN' AND moved < {int(version)}"
        async with self._database.transaction() as tx:
            await tx.execute(text)
