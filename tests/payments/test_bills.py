"""Whose bills are whose, runs that bill once, arrears and late fees, an application that is off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.fields.times import utc_now
from core.manifest.fees import Fee, fee_of
from core.payments.rows import fen_of, yuan_of
from core.payments.runs import Run, period_of
from tests.cases.conftest import ELSEWHERE, VILLAGE
from tests.payments.town import Till

DAY_S = 24 * 3600


def numbers(town: Till, who: str, operation: str = "my_bills", **variables: Any) -> set[str]:
    return {bill["number"] for bill in town.data(operation, who, first=100, **variables)["nodes"]}


def fee(town: Till, name: str) -> Fee:
    found = fee_of(town.office.host.generation.world, f"works.{name}")
    assert found is not None
    return found


def run(town: Till) -> Run:
    return town.run(town.room.runs.run, town.office.host.generation, fee(town, "sweeping"))


def test_a_bill_is_seen_by_who_owes_it_and_by_nobody_else(town: Till) -> None:
    _, bill = town.billed()
    assert bill in numbers(town, "马大妈")
    assert bill not in numbers(town, "王大爷")
    assert town.problems("pay_bills", "王大爷", numbers=[bill], key="x") == [(["numbers", 0], "payment.bill-unknown")]
    number = town.ordered(bill)
    assert town.error("payment", "王大爷", number=number) == town.error("payment", "王大爷", number="ZF0")
    assert town.error("my_bills")[0] == "NOT_AUTHENTICATED"
    assert town.error("pay_bills", numbers=[bill], key="x")[0] == "NOT_AUTHENTICATED"


def test_my_data_tells_what_one_owes(town: Till) -> None:
    _, bill = town.billed()
    found = town.run(town.office.host.privacy.engine_rows, town.office["马大妈"])
    (rows,) = [rows for one, rows in found if one.id == "engine.bill"]
    (mine,) = [row for row in rows if row["number"] == bill]
    assert (mine["amount_fen"], mine["state"], mine["title"]) == (1234, "unpaid", "维修费")
    number = town.ordered(bill)
    held = {one.id: rows for one, rows in town.run(town.office.host.privacy.engine_rows, town.office["马大妈"])}
    (order,) = [row for row in held["engine.payment"] if row["number"] == number]
    assert (order["amount_fen"], order["refunded_fen"], order["state"]) == (1234, 0, "pending")


def test_a_delegate_pays_within_the_delegation_only(town: Till) -> None:
    _, bill = town.billed()
    assert bill in numbers(town, "代办人")
    assert numbers(town, "别处代办人") == set()
    assert town.problems("pay_bills", "别处代办人", numbers=[bill], key="x") == [
        (["numbers", 0], "payment.bill-unknown")
    ]
    number = town.ordered(bill, "代办人", key="agent")
    assert town.data("payment", "代办人", number=number)["state"] == "PENDING"
    assert town.error("payment", "别处代办人", number=number)[0] == "NOT_FOUND"


def test_a_company_owes_its_own_bills_and_its_operator_not_hers_as_it(town: Till) -> None:
    legal = "01890000-0000-7000-8000-0000000000c0"
    _, bill = town.billed()
    town.run(_owe_as, town, bill, legal)
    town.office.people["经办人"] = replace(town.office["马大妈"], id="op", legal_entity=legal)
    assert bill not in numbers(town, "马大妈")
    assert numbers(town, "经办人") == {bill}


def test_a_guardian_sees_and_pays_what_a_ward_owes(town: Till) -> None:
    child = town.run(_child, town)
    guardian = town.run(town.office.citizen, "监护人甲")
    _, bill = town.billed("小宝")
    assert bill not in numbers(town, "监护人甲")
    link = {"guardian": guardian.person, "ward": child.person, "relation": "parent", "state": "verified"}
    town.run(town.office.create, "core.guardian_link", **link)
    assert bill in numbers(town, "监护人甲")
    number = town.paid(bill, "监护人甲")
    assert town.data("payment", "监护人甲", number=number)["state"] == "PAID"


def test_staff_see_bills_of_rows_they_read_in_roles_of_the_fee(town: Till) -> None:
    _, bill = town.billed()
    asked = {"fee": "works.repair"}
    assert bill in numbers(town, "派遣员", "bills", **asked)
    assert bill not in numbers(town, "外村派遣员", "bills", **asked)
    for who in ("甲", "马大妈", "值班长"):
        assert town.error("bills", who, **asked)[0] == "PERMISSION_DENIED"
    assert town.error("waive_bill", "外村派遣员", number=bill, reason="x")[0] == "NOT_FOUND"
    assert town.error("bill_payments", "外村派遣员", number=bill)[0] == "NOT_FOUND"
    assert town.error("bills", "派遣员", fee="works.none")[0] == "PERMISSION_DENIED"
    number = town.ordered(bill)
    assert [p["number"] for p in town.data("bill_payments", "派遣员", number=bill)] == [number]


def test_a_run_bills_each_row_once_a_period(town: Till) -> None:
    for note in ("按月", "按月", "不按月"):
        town.run(town.office.report, "王大爷", note=note)
    assert (run(town).billed, run(town).billed) == (2, 0)
    mine = [b for b in town.data("my_bills", "王大爷")["nodes"] if b["fee"] == "works.sweeping"]
    assert [(b["amount"], b["state"], b["caseNumber"]) for b in mine] == [("10.00", "UNPAID", None)] * 2
    assert {b["period"] for b in mine} == {period_of("month", utc_now().date())}
    town.run(town.office.report, "王大爷", note="按月")
    assert run(town).billed == 1


def test_arrears_are_listed_by_what_was_due_first_with_their_late_fee(town: Till) -> None:
    town.run(town.office.report, "王大爷", note="按月")
    run(town)
    (first, *_) = sorted(numbers(town, "派遣员", "bills", fee="works.sweeping", state="UNPAID"))
    assert numbers(town, "派遣员", "bills", fee="works.sweeping", overdue=True) == set()
    town.late("tb_bill", first, 3 * DAY_S)
    (late,) = town.data("bills", "派遣员", fee="works.sweeping", overdue=True)["nodes"]
    # One percent a day of ten yuan; how many days depends on the rest days the limit met.
    assert (late["number"], Decimal(late["owed"])) == (first, Decimal("10.00") + Decimal(late["lateFee"]))
    assert late["lateFee"] in ("0.10", "0.20", "0.30")
    town.late("tb_bill", first, 30 * DAY_S)
    order = town.data("pay_bills", "王大爷", numbers=[first], key="late")
    assert order["amount"] == "10.30"
    town.callback(town.simulator.pay(order["number"]))
    assert town.rows(f"SELECT state, paid_fen, late_fen FROM tb_bill WHERE number = '{first}'") == [("paid", 1000, 30)]


def test_pages_follow_one_another(town: Till) -> None:
    for operation, who, asked in (("my_bills", "马大妈", {}), ("bills", "派遣员", {"fee": "works.repair"})):
        seen, after = [], None
        while True:
            page = town.data(operation, who, first=3, after=after, **asked)
            seen += [bill["number"] for bill in page["nodes"]]
            after = page["endCursor"]
            if not page["hasNextPage"]:
                break
        assert len(seen) == len(set(seen))
        assert set(seen) == numbers(town, who, operation, **asked)
    assert town.problems("my_bills", "马大妈", first=0) == [(["first"], "page.first")]


def test_an_application_that_is_off_shows_no_bills_and_takes_no_money(town: Till) -> None:
    _, bill = town.billed()
    registry, admin = town.office.host.registry, replace(town.office["值班长"], kind="admin", id="admin")
    town.run(registry.set_state, "works", "off", actor=admin)
    try:
        assert numbers(town, "马大妈") == set()
        assert town.error("pay_bills", "马大妈", numbers=[bill], key="off")[0] == "UNAVAILABLE"
        assert town.error("waive_bill", "负责人", number=bill, reason="x")[0] == "NOT_FOUND"
    finally:
        town.run(registry.set_state, "works", "on", actor=admin)
    assert town.bill(bill) == ("unpaid", 0)


def test_off_in_one_division_hides_its_bills_only_and_no_page_ends_early(town: Till) -> None:
    bills = [town.billed("王大爷")[1] for _ in range(3)]
    town.run(_move, town, bills[2], ELSEWHERE)
    registry, admin = town.office.host.registry, replace(town.office["值班长"], kind="admin", id="admin")
    town.run(registry.set_state, "works", "off", division=ELSEWHERE, actor=admin)
    try:
        assert [b["number"] for b in town.data("my_bills", "王大爷", first=1)["nodes"]] == [bills[1]]
        assert bills[2] not in numbers(town, "王大爷")
        assert town.error("pay_bills", "王大爷", numbers=[bills[2]], key="there")[0] == "UNAVAILABLE"
    finally:
        town.run(registry.set_state, "works", "on", division=ELSEWHERE, actor=admin)
    assert bills[2] in numbers(town, "王大爷")


@pytest.mark.parametrize(
    ("yuan", "fen"), [("0.005", 1), ("0.004", 0), ("12.345", 1235), ("1", 100), ("99999999.99", 9999999999)]
)
def test_yuan_are_rounded_to_the_fen(yuan: str, fen: int) -> None:
    assert fen_of(Decimal(yuan)) == fen
    assert fen_of(yuan_of(fen)) == fen


@pytest.mark.parametrize(("cycle", "name"), [("month", "2026-11"), ("quarter", "2026-Q4"), ("year", "2026")])
def test_periods_have_names(cycle: Any, name: str) -> None:
    assert period_of(cycle, date(2026, 11, 30)) == name
    assert period_of(cycle, date(2026, 11, 30) + timedelta(days=62)) != name


async def _owe_as(town: Till, bill: str, legal: str) -> None:
    async with town.office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_bill SET person = NULL, legal_entity = '{legal}' WHERE number = '{bill}'")


async def _child(town: Till) -> Actor:
    office = town.office
    facts = {"name": "小宝", "sex": "1", "birth_date": "2018-05-01", "division": VILLAGE}
    person = await office.create("core.person", **facts)
    office.people["小宝"] = replace(office["马大妈"], id="child", person=person)
    return office["小宝"]


async def _move(town: Till, bill: str, division: str) -> None:
    async with town.office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_bill SET division = '{division}' WHERE number = '{bill}'")
