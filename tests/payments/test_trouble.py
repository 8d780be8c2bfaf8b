"""What goes wrong between the county and its provider: forged, wrong, late, lost and repeated callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core.payments import open_payments_room
from core.payments.provider import NoPayments
from core.payments.simulator import SIGNATURE, Posted
from tests.payments.town import Till, rush, till


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    with till("postgres", tmp_path_factory.mktemp("postgres")) as found:
        yield found


def test_a_forged_callback_changes_nothing(town: Till) -> None:
    _, bill = town.billed()
    number = town.ordered(bill)
    posted = town.simulator.pay(number)
    for forged in (
        Posted({SIGNATURE: "0" * 64}, posted.body), Posted({}, posted.body), Posted(posted.headers, posted.body + b" "),
    ):  # fmt: skip
        assert town.callback(forged) == 401
    assert town.callback(posted, "other") == 404
    assert town.callback(Posted(posted.headers, b"x" * 70_000)) == 413
    assert town.callback(town.simulator.posted({"number": number})) == 401
    assert (town.state(number), town.bill(bill), town.events(bill)) == ("pending", ("unpaid", 0), ["bill.opened"])


def test_fifty_callbacks_and_looks_at_once_make_one_payment(town: Till) -> None:
    rush(town)


def test_two_who_pay_one_bill_at_once_have_one_order(town: Till) -> None:
    _, bill = town.billed()

    async def both() -> list[str]:
        orders, who = town.room.orders, town.office["马大妈"]
        found = await asyncio.gather(*(orders.pay(who, [bill], key=f"race {i % 4}") for i in range(12)))
        return [payment.number for payment in found]

    assert len(set(town.run(both))) == 1
    assert town.rows(
        f"SELECT count(*) FROM tb_payment_bill p JOIN tb_bill b ON b.id = p.bill_id WHERE b.number = '{bill}'"
    ) == [(1,)]


def test_a_wrong_amount_is_a_difference_and_no_payment(town: Till) -> None:
    _, bill = town.billed()
    number = town.ordered(bill)
    posted = town.simulator.pay(number, 1)
    assert [town.callback(posted), town.callback(posted)] == [200, 200]
    assert (town.state(number), town.bill(bill)) == ("pending", ("unpaid", 0))
    assert town.differences(number) == [("pay", "amount", 1234, 1)]


def test_an_order_nobody_calls_back_about_is_asked_about(town: Till) -> None:
    case, bill = town.billed()
    number = town.ordered(bill)
    town.simulator.pay(number)
    town.run(town.room.turn)
    assert town.state(number) == "pending"
    town.late("tb_payment", number, 20)
    town.run(town.room.turn)
    assert (town.state(number), town.phase(case)) == ("paid", "done")


def test_an_order_nobody_pays_is_closed_and_what_comes_later_goes_back(town: Till) -> None:
    _, bill = town.billed()
    number = town.ordered(bill)
    town.late("tb_payment", number, 20)
    town.run(town.room.turn)
    assert town.state(number) == "pending"
    town.late("tb_payment", number, 3600)
    town.run(town.room.turn)
    assert town.state(number) == "closed"
    again = town.ordered(bill, key="again")
    assert again != number
    posted = town.simulator.pay(number)
    assert [town.callback(posted), town.callback(posted)] == [200, 200]
    assert town.state(number) == "refunding"
    town.run(town.room.turn)
    town.callback(posted)
    assert (town.state(number), town.bill(bill)) == ("refunded", ("unpaid", 0))
    assert town.differences(number) == [("pay", "state", 1234, 1234)]
    assert town.rows(f"SELECT count(*) FROM tb_refund r JOIN tb_payment p ON p.id = r.payment_id "
                     f"WHERE p.number = '{number}'") == [(1,)]  # fmt: skip


def test_money_taken_twice_by_the_provider_is_a_difference(town: Till) -> None:
    _, bill = town.billed()
    number = town.paid(bill)
    told = {"number": number, "amount_fen": 1234, "ref": "ANOTHER", "at": "2026-11-23T00:00:00+00:00"}
    assert town.callback(town.simulator.posted(told)) == 200
    assert (town.bill(bill), town.differences(number)) == (("paid", 1234), [("pay", "state", 1234, 1234)])


def test_an_order_of_nobody_is_a_difference(town: Till) -> None:
    assert town.callback(town.simulator.pay("ZFX", 77)) == 200
    assert town.differences("ZFX") == [("pay", "missing_here", None, 77)]


def test_a_provider_that_is_away_takes_no_money_and_the_same_request_heals(town: Till) -> None:
    _, bill = town.billed()
    town.simulator.tell(orders="away")
    assert town.error("pay_bills", "马大妈", numbers=[bill], key="away") == (
        "UNAVAILABLE", "缴费渠道暂时不可用，没有扣款",
    )  # fmt: skip
    town.simulator.tell(orders="")
    order = town.data("pay_bills", "马大妈", numbers=[bill], key="away")
    assert (order["state"], order["link"] is not None) == ("PENDING", True)
    assert town.callback(town.simulator.pay(order["number"])) == 200
    assert town.bill(bill) == ("paid", 1234)


def test_an_order_that_cannot_be_asked_about_is_not_closed(town: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    _, bill = town.billed()
    number = town.ordered(bill)
    town.late("tb_payment", number, 7200)

    async def away(number: str) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(town.simulator, "query", away)
        town.run(town.room.turn)
    assert town.state(number) == "pending"
    town.simulator.pay(number)
    town.late("tb_payment", number, 60)
    town.run(town.room.turn)
    assert town.bill(bill) == ("paid", 1234)


def test_a_crash_after_the_provider_has_refunded_gives_back_once(town: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    number = town.paid(town.billed()[1])
    asked = {"number": number, "amount": "12.34", "reason": "退", "key": "crash"}
    refund = town.data("refund_payment", "派遣员", **asked)["number"]
    town.data("decide_refund", "负责人", number=refund, agrees=True)

    async def dies(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(type(town.room.refunds), "_end", dies)
        town.run(town.room.turn)
    assert town.state(number) == "refunding"
    # The claim of who died lapses.
    town.run(_lapse, town)
    town.run(town.room.turn)
    assert town.state(number) == "refunded"
    assert len(list(town.simulator.folder.glob(f"refund-{refund}.json"))) == 1


def test_without_a_provider_bills_are_told_and_nothing_is_ordered(town: Till) -> None:
    host, (_, bill) = town.office.host, town.billed()
    house = town.room.house
    bare = open_payments_room(
        host.database, host.vault, host.audit, house.calendars, house.live, NoPayments()
    )  # fmt: skip

    async def look() -> tuple[str, str | None, int]:
        with pytest.raises(Exception, match="还没有开通网上缴费") as caught:
            await bare.orders.pay(town.office["马大妈"], [bill], key="none")
        return str(getattr(caught.value, "code", "")), await bare.check(), await bare.turn()

    assert town.run(look) == ("UNAVAILABLE", "没有设置 TONGBAN_PAYMENTS，不能网上缴费", 0)
    assert town.rows(f"SELECT paying FROM tb_bill WHERE number = '{bill}'") == [(None,)]


async def _lapse(town: Till) -> None:
    async with town.office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_refund SET claimed_until = NULL")
