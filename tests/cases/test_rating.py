"""好差评: offered once, rated once; a bad one is called back and put right, by nobody who learns whose it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from core.cases import Case, rating
from core.fields.times import utc_now
from tests.cases.conftest import VILLAGE, Office


async def closed(office: Office, who: str = "马大妈") -> Case:
    case = await office.report(who)
    await office.act("派遣员", case, "assign")
    await office.act("甲", case, "finish", result="换了新盖")
    return await office.act("负责人", case, "pass")


async def checker(office: Office, unit: str = "12345中心") -> None:
    await office.member("话务员", "hotline_agent", unit=unit)


async def test_a_closed_case_is_rated_once_about_who_it_was_given_to(office: Office) -> None:
    case = await closed(office)
    offered = await office.cases.ratings.of(office["马大妈"], case.number)
    assert offered is not None
    assert (offered.stars, offered.role, offered.org) == (None, "works_crew", office.units["市政局"])
    assert offered.closes_at - offered.offered_at > timedelta(days=6)
    done = await office.cases.ratings.rate(office["马大妈"], case.number, 5, tags=["speed", "ease"], comment="很快")
    assert (done.stars, done.tags, done.comment, done.rectification) == (5, ["ease", "speed"], "很快", None)
    ((comment,),) = await office.fetch("SELECT comment FROM tb_rating")
    assert "很快" not in comment
    assert await office.fetch("SELECT stars FROM tb_case_record") == [(5,)]
    with pytest.raises(ConflictError, match="已经评价过"):
        await office.cases.ratings.rate(office["马大妈"], case.number, 1)
    assert await office.fetch("SELECT stars FROM tb_rating") == [(5,)]
    assert await office.count("core_rectification") == [0]


async def test_two_ratings_at_once_are_one(office: Office) -> None:
    case = await closed(office)
    rate = office.cases.ratings.rate
    done = await asyncio.gather(
        rate(office["马大妈"], case.number, 1), rate(office["马大妈"], case.number, 2), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["ConflictError", "Rating"]
    assert await office.count("core_rectification") == [1]


@pytest.mark.parametrize(("stars", "tags"), [(0, []), (6, []), (3, ["manner"])])
async def test_levels_and_tags_are_those_of_the_channel(office: Office, stars: int, tags: list[str]) -> None:
    case = await closed(office)
    with pytest.raises(InvalidInputError):
        await office.cases.ratings.rate(office["马大妈"], case.number, stars, tags=tags)
    assert await office.fetch("SELECT stars FROM tb_rating") == [(None,)]


async def test_nobody_else_rates_or_reads_a_rating(office: Office) -> None:
    case = await closed(office)
    ratings = office.cases.ratings
    with pytest.raises(NotFoundError):
        await ratings.rate(office["王大爷"], case.number, 1)
    with pytest.raises(PermissionDeniedError):
        await ratings.rate(office["甲"], case.number, 5)
    await ratings.rate(office["马大妈"], case.number, 1, comment="态度不好")
    assert await ratings.of(office["甲"], case.number) is None
    assert await ratings.of(office["负责人"], case.number) is None
    with pytest.raises(NotFoundError):
        await ratings.of(office["王大爷"], case.number)


async def test_after_seven_days_it_stays_unrated(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await closed(office)
    late = utc_now() + timedelta(days=30)
    monkeypatch.setattr(rating, "utc_now", lambda: late)
    with pytest.raises(ConflictError, match="时间已过"):
        await office.cases.ratings.rate(office["马大妈"], case.number, 5)
    assert await office.fetch("SELECT stars FROM tb_rating") == [(None,)]


async def test_open_and_withdrawn_cases_are_not_rated(office: Office) -> None:
    case = await office.report()
    with pytest.raises(ConflictError):
        await office.cases.ratings.rate(office["马大妈"], case.number, 5)
    assert await office.count("tb_rating") == [0]


async def test_a_bad_rating_opens_a_rectification_for_the_unit_that_did_the_case(office: Office) -> None:
    await checker(office)
    case = await closed(office)
    done = await office.cases.ratings.rate(office["马大妈"], case.number, 2, tags=["speed"], comment="来得太慢")
    ((number,),) = await office.fetch("SELECT number FROM tb_case WHERE service = 'core.rectification'")
    opened = await office.cases.get(office["话务员"], number)
    assert (opened.id, opened.about, opened.applicant, opened.org) == (
        done.rectification, case.id, None, office.units["市政局"],
    )  # fmt: skip
    assert opened.limit == [5, "WD", "CN", ""]
    assert opened.due_at is not None
    tasks = {task.part: task for task in await office.cases.tasks(office["话务员"], number)}
    assert (tasks["rectify"].role, tasks["rectify"].org) == ("works_crew", office.units["市政局"])
    assert tasks["callback"].role == "hotline_agent|duty_leader"
    # The unit finds its task, and in it neither person nor case.
    box = await office.cases.inbox(office["乙"])
    assert [task.number for task in box.items] == [number]
    trail = await office.cases.trail(office["乙"], number)
    assert str(office["马大妈"].person) not in repr(trail)
    assert office["马大妈"].id not in repr(trail)
    with pytest.raises(NotFoundError):
        await office.cases.get(office["丙"], number)
    with pytest.raises(NotFoundError):
        await office.cases.get(office["王大爷"], number)


async def test_a_rectification_goes_to_its_end(office: Office) -> None:
    await checker(office)
    case = await closed(office)
    await office.cases.ratings.rate(office["马大妈"], case.number, 1)
    ((number,),) = await office.fetch("SELECT number FROM tb_case WHERE service = 'core.rectification'")
    opened = await office.cases.get(office["话务员"], number)
    await office.act("乙", opened, "rectify", measures="重新培训")
    await office.act("话务员", opened, "call_back", callback="已致电", finding="当天没有到场")
    opened = await office.act("话务员", opened, "close")
    assert (opened.state, opened.phase) == ("closed", "done")
    assert await office.count("tb_rating") == [1]


async def test_a_follow_up_is_one_word_more(office: Office) -> None:
    case = await closed(office)
    ratings = office.cases.ratings
    with pytest.raises(ConflictError, match="还没有评价"):
        await ratings.follow_up(office["马大妈"], case.number, "后来又坏了")
    await ratings.rate(office["马大妈"], case.number, 4)
    done = await ratings.follow_up(office["马大妈"], case.number, "后来又坏了")
    assert (done.stars, done.follow_up) == (4, "后来又坏了")
    with pytest.raises(ConflictError, match="追评过"):
        await ratings.follow_up(office["马大妈"], case.number, "又好了")


async def test_only_a_second_unit_marks_a_rating_as_malicious(office: Office) -> None:
    await checker(office)
    await office.member("本局话务员", "hotline_agent", unit="市政局")
    await office.member("外村话务员", "hotline_agent", VILLAGE[:9] + "299", unit="12345中心")
    case = await closed(office)
    ratings = office.cases.ratings
    with pytest.raises(ConflictError):
        await ratings.mark_malicious(office["话务员"], case.number, "还没有评")
    await ratings.rate(office["马大妈"], case.number, 1)
    for who in ("本局话务员", "外村话务员", "负责人", "马大妈"):
        with pytest.raises(PermissionDeniedError):
            await ratings.mark_malicious(office[who], case.number, "无理取闹")
    with pytest.raises(InvalidInputError):
        await ratings.mark_malicious(office["话务员"], case.number, "  ")
    done = await ratings.mark_malicious(office["话务员"], case.number, "同一人一天评了九次")
    assert (done.malicious_by, done.malicious_reason) == (office["话务员"].staff, "同一人一天评了九次")
    assert await office.fetch("SELECT stars FROM tb_case_record WHERE service = 'works.repair'") == [(None,)]
    with pytest.raises(ConflictError):
        await ratings.mark_malicious(office["话务员"], case.number, "再来一次")


async def test_who_checks_reads_the_rating_and_the_audit_knows(office: Office) -> None:
    await checker(office)
    case = await closed(office)
    await office.cases.ratings.rate(office["马大妈"], case.number, 3, comment="一般")
    found = await office.cases.ratings.of(office["话务员"], case.number)
    assert found is not None
    assert found.comment == "一般"
    lines = await office.fetch("SELECT action FROM tb_audit WHERE action LIKE 'case.%rat%' ORDER BY at")
    assert lines == [("case.rate",), ("case.read_rating",)]


async def test_a_complaint_is_a_case_of_its_own(office: Office) -> None:
    await checker(office)
    case = await office.report()
    complaint = await office.cases.ratings.complain(office["马大妈"], case.number, "一直没有人来")
    assert (complaint.service, complaint.about, complaint.state) == ("core.complaint", case.id, "received")
    with pytest.raises(ConflictError, match="正在处理"):
        await office.cases.ratings.complain(office["马大妈"], case.number, "还是没有人来")
    with pytest.raises(NotFoundError):
        await office.cases.ratings.complain(office["王大爷"], case.number, "我也不满意")
    with pytest.raises(PermissionDeniedError):
        await office.cases.ratings.complain(office["甲"], case.number, "我自己投诉自己")
    # The plain way of filing is no other way.
    for who, number in (
        ("马大妈", case.number),
        ("王大爷", case.number),
        ("马大妈", "WK0"),
        ("马大妈", complaint.number),
    ):
        with pytest.raises((ConflictError, InvalidInputError)):
            await office.cases.submit(office[who], "core.complaint", {"about_no": number, "text": "再投诉"})
    assert await office.fetch("SELECT count(*) FROM core_complaint") == [(1,)]
    second = await office.report("王大爷")
    plain = await office.cases.submit(office["王大爷"], "core.complaint", {"about_no": second.number, "text": "太慢"})
    assert plain.about == second.id
    await office.act("话务员", complaint, "accept")
    done = await office.act("话务员", complaint, "reply", finding="属实", reply="已经安排，明天上门")
    assert done.phase == "done"
    with pytest.raises(NotFoundError):
        await office.cases.get(office["甲"], complaint.number)


async def test_who_does_not_agree_any_more_is_asked_again(office: Office) -> None:
    case = await closed(office)
    other = replace(office["马大妈"], agent=office["王大爷"].person, scopes=("grid",))
    with pytest.raises(NotFoundError):
        await office.cases.ratings.rate(other, case.number, 5)
    assert await office.fetch("SELECT stars FROM tb_rating") == [(None,)]
