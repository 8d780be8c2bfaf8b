"""What keeps money safe: two people, one's own office, cancelling, one bad row, another provider, two differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from tongban_sdk import RateLimitedError

from core.fields.times import utc_now
from core.payments.provider import Line
from core.payments.rows import Payment
from core.payments.settling import GRACE_S
from core.store.rows import read
from tests.payments.town import Till


def payment(town: Till, number: str) -> Payment:
    house = town.room.house
    found: list[Payment] = town.run(read, house.database, house.dialect, Payment, "number = {number}", number=number)
    return found[0]


def asked(town: Till, number: str) -> str:
    """A refund of it that waits for the second pair of eyes."""
    told = {"number": number, "amount": "12.34", "reason": "退", "key": f"refund {number}"}
    return str(town.data("refund_payment", "派遣员", **told)["number"])


def test_the_second_pair_of_eyes_is_neither_who_asked_nor_who_paid(town: Till) -> None:
    office, number = town.office, town.paid(town.billed()[1])
    chief = office["负责人"]
    office.people["派遣员的另一账号"] = replace(chief, id="acc-2", person=office["王大爷"].person)
    office.people["缴费的人"] = replace(chief, id="acc-3", person=office["马大妈"].person)
    desk, office.people["派遣员"] = office["派遣员"], replace(office["派遣员"], person=office["王大爷"].person)
    try:
        refund = asked(town, number)
    finally:
        office.people["派遣员"] = desk
    for who in ("派遣员", "派遣员的另一账号", "缴费的人"):
        assert town.error("decide_refund", who, number=refund, agrees=True)[0] == "PERMISSION_DENIED"
    assert town.error("decide_refund", "外村派遣员", number=refund, agrees=True)[0] == "NOT_FOUND"
    assert town.data("payment", "派遣员", number=number)["refunds"][0]["state"] == "ASKED"
    assert town.data("decide_refund", "负责人", number=refund, agrees=False)["state"] == "REFUSED"
    town.run(town.room.turn)
    assert town.state(number) == "paid"


def test_nobody_voids_what_was_paid_in_part_or_waives_his_own(town: Till) -> None:
    _, bill = town.billed()
    part = town.data("pay_bills", "马大妈", numbers=[bill], key=bill, amount="2.34")["number"]
    town.callback(town.simulator.pay(part))
    assert town.error("void_bill", "负责人", number=bill, reason="错了")[0] == "CONFLICT"
    town.office.people["马大妈上班"] = replace(town.office["负责人"], id="acc-4", person=town.office["马大妈"].person)
    assert town.error("waive_bill", "马大妈上班", number=bill, reason="困难")[0] == "PERMISSION_DENIED"
    assert town.bill(bill) == ("partial", 234)


def test_bills_are_kept_by_roles_of_the_fee_where_these_show_the_row(town: Till) -> None:
    """A rule of another role shows him the row: that makes him no keeper of its bill."""
    _, bill = town.billed()
    far = town.office["外村派遣员"]
    town.office.people["外村多面手"] = replace(far, id="acc-5", roles=far.roles | {"works_service"})
    assert town.data("bills", "外村多面手", fee="works.repair")["nodes"] == []
    assert town.error("bill_payments", "外村多面手", number=bill)[0] == "NOT_FOUND"


def test_an_order_is_cancelled_by_who_owes_if_the_provider_closes_it(town: Till) -> None:
    _, bill = town.billed()
    number = town.ordered(bill)
    for who in ("王大爷", "别处代办人", "派遣员"):
        assert town.error("cancel_payment", who, number=number) == ("NOT_FOUND", "找不到这笔缴费")
    town.simulator.tell(orders="away")
    assert town.error("cancel_payment", "马大妈", number=number) == (
        "UNAVAILABLE", "缴费渠道暂时不可用，订单没有取消",
    )  # fmt: skip
    town.simulator.tell(orders="")
    assert town.state(number) == "pending"
    for _ in range(2):
        assert town.data("cancel_payment", "代办人", number=number) == {"number": number, "state": "CLOSED"}
    assert town.simulator._query(number).state == "closed"
    again = town.ordered(bill, key="again")
    assert again != number
    # Paid while its callback is on the way: the payment counts.
    town.simulator.pay(again)
    assert town.error("cancel_payment", "马大妈", number=again) == ("CONFLICT", "这笔订单已经缴了，没有取消")
    assert (town.state(again), town.bill(bill)) == ("paid", ("paid", 1234))
    assert (town.differences(number), town.differences(again)) == ([], [])


def test_one_order_that_fails_keeps_no_other_waiting(town: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = (town.ordered(town.billed()[1]) for _ in range(2))
    town.simulator.pay(good)
    ask = town.simulator.query

    async def query(number: str) -> object:
        return SimpleNamespace(state="paid", number=number) if number == bad else await ask(number)

    monkeypatch.setattr(town.simulator, "query", query)
    for number in (bad, good):
        town.late("tb_payment", number, 20)
    town.run(town.room.turn)
    assert (town.state(bad), town.state(good)) == ("pending", "paid")


def test_an_order_is_looked_at_when_it_ends(town: Till) -> None:
    number = town.ordered(town.billed()[1])
    town.late("tb_payment", number, 1700)
    for _ in range(7):
        town.run(town.room.settling.ask, payment(town, number))
    found = payment(town, number)
    assert found.at == found.expires_at + timedelta(seconds=GRACE_S)


def test_money_of_another_provider_is_neither_closed_nor_given_back_by_this_one(town: Till) -> None:
    order, paid = town.ordered(town.billed()[1]), town.paid(town.billed()[1])
    refund = asked(town, paid)
    town.data("decide_refund", "负责人", number=refund, agrees=True)
    town.run(_of_another, town, order, paid)
    town.late("tb_payment", order, 7200)
    town.run(town.room.turn)
    assert (town.state(order), town.state(paid)) == ("pending", "refunding")
    assert not (town.simulator.folder / f"refund-{refund}.json").exists()


def test_each_second_payment_is_a_difference_of_its_own(town: Till) -> None:
    number = town.paid(town.billed()[1])
    for ref in ("SECOND", "THIRD", "SECOND"):
        told = {"number": number, "amount_fen": 1234, "ref": ref, "at": "2026-11-23T00:00:00+00:00"}
        assert town.callback(town.simulator.posted(told)) == 200
    assert town.differences(number) == [("pay", "state", 1234, 1234)] * 2
    told = {"line": "pay", "number": number, "kind": "state", "reason": "已退"}
    assert town.error("settle_difference", "会计", **told) == ("CONFLICT", "这样的差异有 2 条")
    assert town.error("settle_difference", "会计", **told, provider="bank")[0] == "NOT_FOUND"
    assert town.data("settle_difference", "会计", **told, provider="simulator", providerNumber="THIRD")["settledAt"]
    assert town.data("settle_difference", "会计", **told)["settledAt"]
    assert town.error("settle_difference", "会计", **told)[0] == "CONFLICT"


def test_a_day_without_a_statement_keeps_no_other_from_being_compared(
    town: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = town.ordered(town.billed()[1])
    town.late("tb_payment", number, 6 * 24 * 3600)
    days: list[date] = []

    async def statement(day: date) -> list[Line]:
        days.append(day)
        if len(days) == 1:
            raise OSError
        return []

    monkeypatch.setattr(town.simulator, "statement", statement)
    done = town.run(town.room.reconciling.turn)
    assert len(days) == done + 1 > 2
    # The day that failed is the one that is looked at again.
    assert town.run(town.room.reconciling.turn) == 1
    assert days[-1] == days[0] < utc_now().date()


def test_who_knocks_too_often_changes_nothing(town: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    number = town.ordered(town.billed()[1])
    limits = town.server.app.doors.files.limits

    async def full(door: str, **who: str) -> None:
        assert (door, bool(who["address"])) == ("callbacks", True)
        raise RateLimitedError("满了", retry_after_s=0.2)

    with monkeypatch.context() as patch:
        patch.setattr(limits, "check", full)
        assert town.callback(town.simulator.pay(number)) == 429
    assert town.state(number) == "pending"


async def _of_another(town: Till, *numbers: str) -> None:
    async with town.office.host.database.transaction() as tx:
        for number in numbers:
            await tx.execute(f"UPDATE tb_payment SET provider = 'another' WHERE number = '{number}'")
