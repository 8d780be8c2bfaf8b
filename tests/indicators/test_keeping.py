"""Finished periods are counted once and late entries afterwards; an alarm rings once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

from core.clock import passed_ms
from core.fields.times import utc_now
from core.store.case_tables import CASE, CASE_RECORD
from core.store.statement import statement
from tests.cases.conftest import COUNTY, ELSEWHERE, VILLAGE
from tests.indicators.conftest import Board

WORDS = "SELECT text FROM tb_message WHERE template = 'works.indicator_alarm' ORDER BY id"


async def test_a_month_from_its_first_case_to_the_alarm_and_back(board: Board) -> None:
    await board.closed(15, "2026-02-03 10:00", is_on_time=True, hours=Decimal("3.00"))
    await board.closed(5, "2026-02-28 23:59", is_on_time=False, hours=Decimal("30.50"))
    await board.closed(1, "2026-02-28 23:59", is_on_time=None)
    await board.closed(20, "2026-03-01 00:00", is_on_time=True)
    await board.reported(12, "2026-03-08 12:00")
    await board.closed(1, "2026-01-31 10:00", is_on_time=None)
    # Two workers at once: February and the month before for two, two days, and how things stood yesterday.
    await asyncio.gather(board.indicators.turn(), board.indicators.turn())
    assert await board.counted() == 2 + 2 + 2 + 1
    assert await board.indicators.run_all() == 0
    assert await board.shown("派遣员", "works.on_time", first=day("2025-12-01")) == {
        "": ["missing", "empty", 75.0, 100.0]
    }
    assert await board.shown("负责人", "works.hours", first=day("2026-02-01")) == {"": [9.88, "empty"]}
    assert await board.shown("派遣员", "works.reports", first=day("2026-03-07")) == {"": ["missing", 12.0, 0.0, 0.0]}
    assert await board.shown("派遣员", "works.open", first=day("2026-03-07")) == {
        "": ["missing", "missing", 12.0, 12.0]
    }
    # The head of the county and the one of the village, each once for February.
    assert await board.alarms() == [
        ("works.on_time", COUNTY, "2026-02-01", True),
        ("works.on_time", VILLAGE, "2026-02-01", True),
    ]
    told = "按期办结率（2026-02-01 至 2026-02-28）为75.0%，比报警值 80% 差，请查明原因"
    assert await board.office.fetch(WORDS) == [(told,)] * 2
    staff = await board.office.fetch("SELECT staff FROM tb_message ORDER BY id")
    assert {str(id) for (id,) in staff} == {board.office[who].staff for who in ("负责人", "村负责人")}
    assert (
        await board.office.fetch("SELECT topic, entity FROM tb_outbox WHERE topic = 'indicator.alarm'")
        == [("indicator.alarm", "works.on_time")] * 2
    )
    assert await board.office.fetch("SELECT count(*) FROM tb_audit WHERE action = 'indicator_alarm'") == [(2,)]
    # Ten more of February are entered late, from elsewhere: the county is better, the village is not.
    await board.closed(10, "2026-02-20 10:00", ELSEWHERE, is_on_time=True)
    assert await board.later("2026-03-11 00:00") == 2 + 2 + 3 + 1
    assert await board.shown("派遣员", "works.on_time", first=day("2026-02-01")) == {"": [83.3, 100.0]}
    assert [stands for *_, stands in await board.alarms()] == [False, True]
    assert len(await board.office.fetch(WORDS)) == 2
    # March is over, and better.
    await board.later("2026-04-01 00:01")
    assert [stands for *_, stands in await board.alarms()] == [False, False]
    assert len(await board.office.fetch(WORDS)) == 2

    await _a_case_leaves_its_hours(board)


async def _a_case_leaves_its_hours(board: Board) -> None:
    """Filed fifty hours ago, refused at once: all that statistics want to know of it."""
    office = board.office
    case = await office.report()
    filed = utc_now() - timedelta(hours=50)
    async with board.host.database.transaction() as tx:
        dialect = board.host.database.dialect
        text = "UPDATE tb_case SET filed_at = {at:filed_at} WHERE id = {id}"
        await tx.execute(*statement(dialect, CASE, text, at=filed, id=case.id))
    done = await office.act("派遣员", case, "refuse", "不归我们")
    calendar = await office.cases.engine.calendars.of(case.division)
    duty = Decimal(passed_ms(calendar, filed, done.closed_at or filed, on_duty=True)) / 3_600_000
    record = await board.host.database.fetch("SELECT hours, working_hours, first_reply_hours FROM tb_case_record "
        "WHERE outcome = 'refused'", [])  # fmt: skip
    column = CASE_RECORD.by_name["hours"]
    found = [board.host.database.dialect.load(column, raw) for raw in record[0]]
    assert [abs(one - want) < Decimal("0.02") for one, want in zip(found, (50, duty, 50), strict=True)] == [True] * 3


def day(text: str) -> date:
    return date.fromisoformat(text)
