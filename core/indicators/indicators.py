"""The door of the room: the loop that counts what is over, and what callers see."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError

from core.audit import Audit
from core.fields.times import utc_now
from core.indicators.alarms import judge, standing
from core.indicators.counting import Sums, count, first_day, rolled
from core.indicators.keeping import due, keep
from core.indicators.periods import Period, back, running
from core.indicators.reading import Breakdown, Line, Sight, checked_division, lines, sight, span
from core.indicators.shown import Shown
from core.jobs.loop import Loop, run_all
from core.manifest.indicators import Indicator
from core.messages import Messages
from core.store.database import Database
from core.write.live import Live

log = logging.getLogger("tongban.indicators")

#: How often somebody looks whether a period is over.
POLL_S = 60.0
#: The period that runs is counted again when the numbers are older than this.
FRESH_S = 60.0
#: An indicator that could not be counted rests for so long; the others go on.
REST = timedelta(minutes=15)
#: Periods of a chart whose days nobody names.
PERIODS = 12


@dataclass(frozen=True, slots=True)
class Glance:
    """An indicator at one look."""

    indicator: Indicator
    division: str
    running: Period
    #: The running period so far; the last one that is over, and the one before it.
    now: Shown
    last: Shown
    before: Shown
    #: First day of the latest period with a standing alarm.
    alarm: date | None


@dataclass(frozen=True, slots=True)
class Chart:
    indicator: Indicator
    division: str
    by: Breakdown
    periods: tuple[Period, ...]
    running: Period
    lines: tuple[Line, ...]


@dataclass
class Indicators:
    """One per process, over whichever generation stands now."""

    database: Database
    audit: Audit
    live: Callable[[], Live]
    messages: Messages
    clock: Callable[[], datetime] = utc_now
    loop: Loop = field(init=False)
    #: Indicator to when it may be tried again, and the kind of error.
    _resting: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    #: What was counted of running periods lately, by indicator, definition and first day.
    _fresh: dict[tuple[str, str, date], tuple[float, Sums]] = field(default_factory=dict)
    #: Day of the oldest row, by indicator and definition.
    _since: dict[tuple[str, str], date] = field(default_factory=dict)
    _counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.loop = Loop("indicators", self.turn, poll_s=POLL_S)

    async def turn(self) -> int:
        """Count every finished period that is due; how many there were."""
        live, total = self.live(), 0
        for indicator in _all(live):
            rests_until, _ = self._resting.get(indicator.key, (None, ""))
            if rests_until is None or rests_until <= self.clock():
                total += await self._keep_up(live, indicator)
        return total

    async def run_all(self) -> int:
        return await run_all(self.turn)

    async def check(self) -> str | None:
        """For the status page."""
        known = {indicator.key for indicator in _all(self.live())}
        found = sorted(f"{key}（{kind}）" for key, (_, kind) in self._resting.items() if key in known)
        return f"指标算不出来：{'、'.join(found)}" if found else None

    async def glances(self, live: Live, actor: Actor, plugin: str = "", division: str = "") -> list[Glance]:
        """What the caller sees, of one application or all, in a division or where he works."""
        asked = checked_division(division)
        found = [(one, self._sight(live, actor, one, asked)) for one in _all(live) if plugin in ("", one.plugin_id)]
        return [await self._glance(live, one, seen) for one, seen in found if seen]

    async def chart(
        self, live: Live, actor: Actor, key: str, division: str = "", by: Breakdown = "", first: date | None = None,
        last: date | None = None,
    ) -> Chart:  # fmt: skip
        """Numbers per period, by default the latest; NotFoundError for what the caller does not see."""
        asked = checked_division(division)
        indicator = next((one for one in _all(live) if one.key == key), None)
        seen = self._sight(live, actor, indicator, asked) if indicator else None
        if indicator is None or seen is None:
            raise NotFoundError("没有这个指标")
        now = running(indicator.cycle, self.clock())
        end = last or (now.last if seen.sees_running else now.before.last)
        periods = span(indicator, first or back(running(indicator.cycle, _noon(end)), PERIODS)[0].first, end)
        so_far = await self._so_far(live, indicator, now) if seen.sees_running and now in periods else None
        found = await lines(self.database, indicator, seen, periods, by, (now, so_far) if so_far is not None else None)
        return Chart(indicator, seen.division, by, tuple(periods), now, tuple(found))

    def _sight(self, live: Live, actor: Actor, indicator: Indicator, division: str) -> Sight | None:
        seen = sight(actor, indicator, division)
        return seen if seen and _is_on(live, indicator.plugin_id, seen.division) else None

    async def _glance(self, live: Live, indicator: Indicator, seen: Sight) -> Glance:
        now = running(indicator.cycle, self.clock())
        so_far = (now, await self._so_far(live, indicator, now)) if seen.sees_running else None
        (line,) = await lines(self.database, indicator, seen, back(now, 3), "", so_far)
        before, last, this = line.points
        alarms = await standing(self.database, [indicator.key], seen.division) if seen.sees_running else {}
        alarm = alarms.get(indicator.key) if indicator.alarm_at is not None else None
        return Glance(indicator, seen.division, now, this, last, before, alarm)

    async def _so_far(self, live: Live, indicator: Indicator, period: Period) -> Sums:
        key = (indicator.key, indicator.hash, period.first)
        async with self._counting:
            at, sums = self._fresh.get(key, (float("-inf"), {}))
            if time.monotonic() - at > FRESH_S:
                # What ran before is over.
                gone = [old for old in self._fresh if old[0] == indicator.key]
                for old in gone:
                    del self._fresh[old]
                sums = await self._count(live, indicator, period)
                self._fresh[key] = time.monotonic(), sums
            return sums

    async def _count(self, live: Live, indicator: Indicator, period: Period) -> Sums:
        """Where an application is switched off nothing of it is counted, by the core neither."""
        is_on = partial(_is_on, live)
        return rolled(await count(self.database, live.world, indicator, period, self.clock(), is_on))

    async def _keep_up(self, live: Live, indicator: Indicator) -> int:
        total = 0
        try:
            for period in await due(self.database, indicator, self.clock(), await self._first_day(live, indicator)):
                await self._keep(live, indicator, period)
                total += 1
        except Exception as error:
            # The kind only: texts of errors may hold data.
            log.error("indicator %s could not be counted: %s", indicator.key, type(error).__name__)
            self._resting[indicator.key] = self.clock() + REST, type(error).__name__
        else:
            self._resting.pop(indicator.key, None)
        return total

    async def _first_day(self, live: Live, indicator: Indicator) -> date:
        """Before the first row there is no number, not even zero. Asked once: older rows hardly come later."""
        key = indicator.key, indicator.hash
        if key not in self._since:
            last = running(indicator.cycle, self.clock()).before
            self._since[key] = await first_day(self.database, live.world, indicator) or last.first
        return self._since[key]

    async def _keep(self, live: Live, indicator: Indicator, period: Period) -> None:
        # No lock is held while the rows are counted; who began later wins.
        now = self.clock()
        sums = await self._count(live, indicator, period)
        async with self.database.transaction() as tx:
            if not await keep(tx, self.database, indicator, period, sums, now):
                return
            if period == running(indicator.cycle, now).before:
                await judge(
                    tx, self.database, self.messages, self.audit, indicator, period, sums,
                    partial(_is_on, live, indicator.plugin_id), now,
                )  # fmt: skip


def _is_on(live: Live, plugin_id: str, division: str) -> bool:
    return plugin_id in live.world.plugins and live.choice(plugin_id, division) != "off"


def _all(live: Live) -> Iterable[Indicator]:
    return (one for plugin in live.world.plugins.values() for one in plugin.indicators.values())


def _noon(day: date) -> datetime:
    return Period("day", day).begin + timedelta(hours=12)
