"""The shipped property fee (物业费): who is billed, how much, and which company sees the arrears."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, PermissionDeniedError

from core.access.service import service_actor
from core.payments.bills import Wanted
from core.plugins import discovery
from core.settings import ROOT
from core.write.offers import call
from tests.cases.conftest import VILLAGE
from tests.grid.conftest import Town, town


async def _house(found: Town, code: str, **values: object) -> str:
    given = {"house_code": code, "room_no": code[-3:], "std_address": "一号院", "division": VILLAGE, **values}
    return await found.create("community.house", **given)


async def test_a_house_is_billed_for_its_area_once_a_month_and_its_company_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "IN_TREE", ROOT / "manifests")
    async with town(tmp_path) as found:
        company = await found.member("物业", "property_staff", unit="甲物业")
        await found.member("别家物业", "property_staff", unit="乙物业")
        place = {"address": "一号", "kind": "commercial", "division": VILLAGE, "property_org": company.org}
        priced = await found.create("community.compound", code="A", name="甲园", property_price="1.5", **place)
        free = await found.create("community.compound", code="B", name="乙园", **place)
        owner = found["儿子"]
        house = await _house(found, "H101", compound=priced, area="89.37", owner=owner.person)
        await _house(found, "H102", compound=free, area="80.00", owner=owner.person)
        await _house(found, "H103", compound=priced, area="80.00")
        room = found.host.payments
        assert [await room.runs.turn(), await room.runs.turn()] == [1, 0]
        (bill,) = await room.bills.mine(owner, only_owed=True, first=10, after=None)
        # 89.37 × 1.5 = 134.055
        assert (bill.row_id, bill.amount_fen, bill.title) == (house, 13406, "物业费")
        key, asked = "community.property", Wanted(overdue=False)
        assert await room.bills.of_staff(company, key, asked, first=10, after=None) == [bill]
        assert await room.bills.of_staff(found["别家物业"], key, asked, first=10, after=None) == []
        await _offers(found, house)


async def _offers(found: Town, house: str) -> None:
    """What the plugin's own code may ask for."""
    offers, plugin = found.host.payments.offers(), service_actor("community")
    args = {"fee": "community.property", "row": house, "period": "2026-extra"}
    first = await call(offers, plugin, "payments.bill", args)
    assert (first["amountFen"], first["state"]) == (13406, "unpaid")
    assert await call(offers, plugin, "payments.bill", args) == first
    told = await call(offers, plugin, "payments.bills", {"fee": "community.property", "row": house})
    assert len(told["bills"]) == 2
    for who in (found["儿子"], service_actor("grid")):
        with pytest.raises(PermissionDeniedError):
            await call(offers, who, "payments.bill", args)
    with pytest.raises(InvalidInputError):
        await call(offers, plugin, "payments.bill", {**args, "amount": 1})
    owner_less = (await found.fetch("SELECT id FROM community_house WHERE owner_id IS NULL"))[0][0]
    with pytest.raises(ConflictError):
        await call(offers, plugin, "payments.bill", {**args, "row": str(owner_less)})
