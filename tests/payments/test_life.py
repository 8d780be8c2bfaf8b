"""From the bill of a case to its receipt, its refund and the day's reconciliation, through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.expr.clock import china_day
from core.fields.times import utc_now
from tests.payments.town import Till, rush


def test_a_case_goes_on_when_its_bill_is_paid(town: Till) -> None:
    case, bill = town.billed()
    (shown,) = [b for b in town.data("my_bills", "马大妈")["nodes"] if b["number"] == bill]
    assert (shown["title"], shown["caseNumber"], shown["amount"]) == ("维修费", case.number, "12.34")
    assert (shown["owed"], shown["state"], shown["isPaying"]) == ("12.34", "UNPAID", False)
    order = town.data("pay_bills", "马大妈", numbers=[bill], key="one")
    assert (order["amount"], order["state"], order["receipt"]) == ("12.34", "PENDING", None)
    assert order["link"]["params"] == {"amount_fen": 1234}
    assert order["number"] in order["link"]["url"]
    assert town.phase(case) == "open"
    posted = town.simulator.pay(order["number"])
    assert [town.callback(posted), town.callback(posted)] == [200, 200]
    paid = town.data("payment", "马大妈", number=order["number"])
    assert (paid["state"], paid["link"], paid["bills"]) == (
        "PAID", None, [{"number": bill, "title": "维修费", "amount": "12.34"}],
    )  # fmt: skip
    assert paid["receipt"].startswith("PJ")
    assert town.bill(bill) == ("paid", 1234)
    assert town.events(bill) == ["bill.opened", "bill.paid"]
    assert town.phase(case) == "done"
    assert town.differences(order["number"]) == []


def test_fifty_callbacks_and_looks_at_once_make_one_payment(town: Till) -> None:
    rush(town)


def test_a_key_gives_one_order_and_so_do_the_same_bills(town: Till) -> None:
    _, bill = town.billed()
    number = town.ordered(bill, key="k1")
    assert town.ordered(bill, key="k1") == number
    assert town.ordered(bill, key="k2") == number
    assert town.error("pay_bills", "马大妈", numbers=[bill, "ZD"], key="k1")[0] == "CONFLICT"
    _, other = town.billed()
    code, message = town.error("pay_bills", "马大妈", numbers=[bill, other], key="k3")
    assert (code, message) == ("CONFLICT", "有账单正在别的订单里缴费")
    assert town.bill(other) == ("unpaid", 0)


def test_where_nothing_is_owed_the_case_goes_on_at_once(town: Till) -> None:
    case, bill = town.billed(kind="tree")
    assert bill == ""
    assert town.phase(case) == "done"


@pytest.mark.parametrize(
    ("who", "action", "state"), [("派遣员", "refuse", "refused"), ("马大妈", "withdraw", "withdrawn")]
)
def test_a_case_that_ends_without_result_owes_nothing(town: Till, who: str, action: str, state: str) -> None:
    case, bill = town.billed()
    town.run(town.office.act, who, case, action, "不办了")
    assert town.bill(bill) == ("void", 0)
    assert town.phase(case) == state


def test_what_was_paid_for_a_case_that_has_ended_goes_back(town: Till) -> None:
    case, bill = town.billed()
    number = town.ordered(bill)
    town.run(town.office.act, "马大妈", case, "withdraw")
    assert town.callback(town.simulator.pay(number)) == 200
    town.run(town.room.turn)
    assert (town.state(number), town.bill(bill)) == ("refunded", ("void", 0))
    assert town.differences(number) == [("pay", "state", 1234, 1234)]


def test_a_part_is_paid_then_the_rest(town: Till) -> None:
    case, bill = town.billed()
    for amount in ("12.34", "12.35", "0.001", "0"):
        asked = {"numbers": [bill], "key": f"part {amount}", "amount": amount}
        if amount == "12.34":
            continue
        assert town.problems("pay_bills", "马大妈", **asked) == [(["amount"], "payment.amount")]
    first = town.data("pay_bills", "马大妈", numbers=[bill], key="part", amount="2.34")
    town.callback(town.simulator.pay(first["number"]))
    assert town.bill(bill) == ("partial", 234)
    assert town.phase(case) == "open"
    rest = town.data("pay_bills", "马大妈", numbers=[bill], key="rest")
    assert rest["amount"] == "10.00"
    town.callback(town.simulator.pay(rest["number"]))
    assert (town.bill(bill), town.phase(case)) == (("paid", 1234), "done")


def test_staff_waive_with_a_reason_and_the_case_goes_on(town: Till) -> None:
    case, bill = town.billed()
    assert town.error("waive_bill", "派遣员", number=bill, reason="困难")[0] == "PERMISSION_DENIED"
    assert town.error("waive_bill", "马大妈", number=bill, reason="困难")[0] == "NOT_FOUND"
    assert town.problems("waive_bill", "负责人", number=bill, reason=" ") == [(["reason"], "payment.reason")]
    assert town.data("waive_bill", "负责人", number=bill, reason="困难家庭") == {
        "number": bill, "state": "WAIVED", "owed": "0.00",
    }  # fmt: skip
    assert town.phase(case) == "done"
    assert town.error("void_bill", "负责人", number=bill, reason="错了")[0] == "CONFLICT"
    assert "困难" not in str(town.rows("SELECT reason FROM tb_bill WHERE reason IS NOT NULL"))


def test_two_people_give_money_back(town: Till) -> None:
    _, bill = town.billed()
    number = town.paid(bill)
    asked = {"number": number, "amount": "2.34", "reason": "少修一处", "key": "refund"}
    assert town.error("refund_payment", "马大妈", **asked)[0] == "NOT_FOUND"
    assert town.problems("refund_payment", "派遣员", **{**asked, "amount": "12.35"}) == [
        (["amount"], "payment.refund-amount")
    ]
    refund = town.data("refund_payment", "派遣员", **asked)
    assert town.data("refund_payment", "派遣员", **asked)["number"] == refund["number"]
    assert town.error("refund_payment", "负责人", **{**asked, "key": "again"})[0] == "CONFLICT"
    assert town.error("decide_refund", "派遣员", number=refund["number"], agrees=True)[0] == "PERMISSION_DENIED"
    assert town.state(number) == "paid"
    assert town.data("decide_refund", "负责人", number=refund["number"], agrees=True)["state"] == "APPROVED"
    assert town.error("decide_refund", "负责人", number=refund["number"], agrees=True)[0] == "CONFLICT"
    town.run(town.room.turn)
    shown = town.data("payment", "马大妈", number=number)
    assert (shown["state"], shown["refunded"], shown["receipt"] is not None) == ("PAID", "2.34", True)
    assert [(r["amount"], r["state"], r["reason"]) for r in shown["refunds"]] == [("2.34", "DONE", None)]
    assert town.data("payment", "派遣员", number=number)["refunds"][0]["reason"] == "少修一处"
    assert town.events(bill) == ["bill.opened", "bill.paid", "bill.refunded"]


def test_a_refund_the_provider_is_away_for_is_done_once_and_one_it_cannot_do_is_told(town: Till) -> None:
    for told, ends in (("away", "APPROVED"), ("fail", "FAILED")):
        number = town.paid(town.billed()[1])
        asked = {"number": number, "amount": "12.34", "reason": "退", "key": told}
        refund = town.data("refund_payment", "派遣员", **asked)["number"]
        town.data("decide_refund", "负责人", number=refund, agrees=True)
        town.simulator.tell(refunds=told)
        town.run(town.room.turn)
        assert town.data("payment", "马大妈", number=number)["refunds"][0]["state"] == ends
        town.simulator.tell(refunds="")
    assert town.state(number) == "paid"


def test_the_day_is_compared_and_what_differs_is_settled(town: Till) -> None:
    good, lost, here = (town.paid(town.billed()[1]) for _ in range(3))
    yesterday = utc_now() - timedelta(days=1)
    strange = "ZF-UNKNOWN"
    town.simulator.pay(strange, 500, at=yesterday)
    for number in (good, lost, here):
        town.simulator.pay(number, at=yesterday)
        town.late("tb_payment", number, 24 * 3600)
    town.simulator.pay(here, 1000, at=yesterday)
    town.simulator.tell(lost=[lost])
    day = china_day(yesterday)
    done = town.run(town.room.reconciling.run, day)
    assert (done.ours_fen, done.ours_lines, done.theirs_fen, done.theirs_lines) == (3702, 3, 2734, 3)
    town.run(town.room.reconciling.run, day)
    shown = town.data("reconciliation", "会计", day=str(day))
    found = {d["number"]: (d["line"], d["kind"], d["ours"], d["theirs"]) for d in shown["differences"]}
    assert found == {
        strange: ("pay", "missing_here", None, "5.00"), lost: ("pay", "missing_there", "12.34", None),
        here: ("pay", "amount", "12.34", "10.00"),
    }  # fmt: skip
    assert (shown["ours"], shown["theirs"], len(shown["differences"])) == ("37.02", "27.34", 3)
    for who in ("负责人", "马大妈"):
        assert town.error("reconciliation", who, day=str(day))[0] == "PERMISSION_DENIED"
    told = {"line": "pay", "number": lost, "kind": "missing_there", "reason": "次日到账"}
    assert town.data("settle_difference", "会计", **told)["settledAt"] is not None
    assert town.error("settle_difference", "会计", **told)[0] == "CONFLICT"
    assert town.error("settle_difference", "会计", **{**told, "number": good})[0] == "NOT_FOUND"
