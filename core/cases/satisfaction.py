"""What is told to everybody about ratings: by unit, service item or channel, in blocks of so many that none is known
for whose it is. Who did not rate is counted apart, and never as content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.cases.live import Engine
from core.cases.statistics import Key
from core.expr.clock import CHINA
from core.fields.times import utc_now
from core.read.floor import GROUP_MIN
from core.store.rating_tables import RATING
from core.store.statement import statement

#: From 基本满意 on.
CONTENT_MIN = 3
_LEVELS = (5, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Of one group in a year."""

    key: str | None
    #: How many gave 5, 4, 3, 2 and 1 stars; together a multiple of GROUP_MIN.
    levels: tuple[int, ...]
    #: Offered and not rated in time, a multiple of GROUP_MIN.
    unrated: int

    @property
    def rated(self) -> int:
        return sum(self.levels)

    @property
    def content_percent(self) -> float | None:
        """Of those who rated, to one decimal; None when nobody did."""
        content = sum(n for level, n in zip(_LEVELS, self.levels, strict=True) if level >= CONTENT_MIN)
        return round(100 * content / self.rated, 1) if self.rated else None


async def satisfaction(engine: Engine, by: Key, year: int) -> list[Satisfaction]:
    """Ratings given in a year, malicious ones left out, the best known groups first.

    They are told in the order in which they came, five at a time: whoever compares the numbers of two days learns of
    five ratings or of none.
    """
    if not 2000 <= year <= 2100:
        raise InvalidInputError("填写的内容有误", [InputProblem(("year",), "应为 2000 到 2100 年", "statistics.span")])
    begin, end = datetime(year, 1, 1, tzinfo=CHINA), datetime(year + 1, 1, 1, tzinfo=CHINA)
    levels = ", ".join(f"sum(CASE WHEN stars = {level} THEN 1 ELSE 0 END)" for level in _LEVELS)
    rated = await _rows(
        engine,
        f"SELECT k, {levels} FROM (SELECT {by} AS k, stars, row_number() OVER (PARTITION BY {by} ORDER BY rated_at, id)"
        f" AS nth, count(*) OVER (PARTITION BY {by}) AS n FROM tb_rating WHERE stars IS NOT NULL AND malicious_at IS "
        "NULL AND rated_at >= {begin:rated_at} AND rated_at < {end:rated_at}) r "
        f"WHERE nth <= n - n % {GROUP_MIN} GROUP BY k",
        begin=begin, end=end,
    )  # fmt: skip
    unrated = await _rows(
        engine,
        f"SELECT {by}, count(*) FROM tb_rating WHERE stars IS NULL AND closes_at >= {{begin:closes_at}} "
        f"AND closes_at < {{end:closes_at}} GROUP BY {by} HAVING count(*) >= {GROUP_MIN}",
        begin=begin, end=min(end, utc_now()),
    )  # fmt: skip
    load = engine.database.dialect.load
    silent = {load(RATING.by_name[by], key): int(n) - int(n) % GROUP_MIN for key, n in unrated}
    given = {load(RATING.by_name[by], key): tuple(map(int, counts)) for key, *counts in rated}
    found = [Satisfaction(key, given.get(key, (0,) * 5), silent.get(key, 0)) for key in given.keys() | silent.keys()]
    return sorted(found, key=lambda one: (-one.rated, -one.unrated, one.key or ""))


async def _rows(engine: Engine, text: str, **values: Any) -> Sequence[Sequence[Any]]:
    return await engine.database.fetch(*statement(engine.database.dialect, RATING, text, **values))
