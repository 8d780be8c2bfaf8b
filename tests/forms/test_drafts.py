"""Drafts: sealed, one account's own, over after 30 days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tongban_sdk import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotAuthenticatedError, NotFoundError

from core.fields.times import utc_now
from core.forms.drafts import DRAFTS_MAX, Drafts
from core.jobs.housekeeping import DRAFT_KEPT
from core.store.case_tables import DRAFT
from core.store.statement import statement
from tests.forms.conftest import HA, NEIGHBOUR, RESIDENT, Homes, uid

SERVICE = "homes.repair"
VALUES: dict[str, Any] = {"words": "母亲卧病在床", "floor": 3, "at": {"lng": 105.6}}


@pytest.fixture
def drafts(homes: Homes) -> Drafts:
    return Drafts(homes.database, homes.vault)


async def test_a_draft_comes_back_as_it_was_left(drafts: Drafts) -> None:
    first = await drafts.save(RESIDENT, SERVICE, 1, VALUES)
    assert await drafts.get(RESIDENT, first.id) == first
    second = await drafts.save(RESIDENT, SERVICE, 2, {"floor": 4}, id=first.id)
    assert second.id == first.id
    assert (await drafts.get(RESIDENT, first.id)).values == {"floor": 4}
    assert [draft.version for draft in await drafts.of(RESIDENT)] == [2]
    assert second.ends_at - second.updated_at == timedelta(days=30)


async def test_drafts_of_one_item_or_of_all_newest_first(drafts: Drafts) -> None:
    one = await drafts.save(RESIDENT, SERVICE, 1, {"n": 1})
    two = await drafts.save(RESIDENT, "homes.quick", 1, {"n": 2})
    assert [draft.id for draft in await drafts.of(RESIDENT)] == [two.id, one.id]
    assert [draft.id for draft in await drafts.of(RESIDENT, SERVICE)] == [one.id]


async def test_what_lies_in_the_table_is_sealed(homes: Homes, drafts: Drafts) -> None:
    draft = await drafts.save(RESIDENT, SERVICE, 1, VALUES)
    lying = await homes.database.fetch('SELECT "values" FROM tb_draft')
    assert len(lying) == 1
    assert lying[0][0].startswith("tb1.")
    assert "卧病" not in lying[0][0]
    # Bound to its row: copied into another it does not open.
    assert "卧病" in homes.vault.unseal(lying[0][0], f"tb_draft.values:{draft.id}")


async def test_another_account_neither_sees_nor_changes_it(drafts: Drafts) -> None:
    draft = await drafts.save(RESIDENT, SERVICE, 1, VALUES)
    strangers = (NEIGHBOUR, replace(NEIGHBOUR, person=RESIDENT.person), replace(RESIDENT, person=HA))
    for stranger in (*strangers, replace(RESIDENT, person=None)):
        assert await drafts.of(stranger) == []
        with pytest.raises(NotFoundError):
            await drafts.get(stranger, draft.id)
        with pytest.raises(NotFoundError):
            await drafts.save(stranger, SERVICE, 1, {"floor": 9}, id=draft.id)
        with pytest.raises(NotFoundError):
            await drafts.delete(stranger, draft.id)
    assert await drafts.get(RESIDENT, draft.id) == draft


async def test_an_account_without_a_person_keeps_its_own(drafts: Drafts) -> None:
    clerk = Actor("stf-1", "staff")
    draft = await drafts.save(clerk, SERVICE, 1, VALUES)
    assert await drafts.of(clerk) == [draft]
    await drafts.delete(clerk, draft.id)
    assert await drafts.of(clerk) == []


async def test_a_draft_stays_with_its_item(drafts: Drafts) -> None:
    draft = await drafts.save(RESIDENT, SERVICE, 1, VALUES)
    with pytest.raises(NotFoundError):
        await drafts.save(RESIDENT, "homes.quick", 1, {}, id=draft.id)
    assert await drafts.get(RESIDENT, draft.id) == draft


async def test_it_goes_with_the_transaction_that_files_the_case(homes: Homes, drafts: Drafts) -> None:
    draft = await drafts.save(RESIDENT, SERVICE, 1, VALUES)

    async def fail() -> None:
        async with homes.database.transaction() as tx:
            assert await drafts.delete_in(tx, RESIDENT, draft.id)
            raise ConflictError("没有办成")

    with pytest.raises(ConflictError):
        await fail()
    assert await drafts.of(RESIDENT) == [draft]
    async with homes.database.transaction() as tx:
        assert await drafts.delete_in(tx, RESIDENT, draft.id)
        assert not await drafts.delete_in(tx, RESIDENT, draft.id)
    assert await drafts.of(RESIDENT) == []


async def test_after_thirty_days_it_is_over(homes: Homes, drafts: Drafts) -> None:
    draft = await drafts.save(RESIDENT, SERVICE, 1, VALUES)
    long_ago = utc_now() - DRAFT_KEPT - timedelta(seconds=1)
    text, args = statement(
        homes.database.dialect, DRAFT, "UPDATE tb_draft SET updated_at = {updated_at}", updated_at=long_ago
    )
    async with homes.database.transaction() as tx:
        await tx.execute(text, args)
    assert await drafts.of(RESIDENT) == []
    with pytest.raises(NotFoundError):
        await drafts.get(RESIDENT, draft.id)


async def test_nobody_fills_the_table_with_drafts(homes: Homes, drafts: Drafts) -> None:
    for number in range(DRAFTS_MAX):
        await drafts.save(RESIDENT, SERVICE, 1, {"n": number})
    with pytest.raises(ConflictError):
        await drafts.save(RESIDENT, SERVICE, 1, {"n": 51})
    await drafts.save(NEIGHBOUR, SERVICE, 1, {})
    assert await homes.database.fetch_value("SELECT count(*) FROM tb_draft") == DRAFTS_MAX + 1


async def test_what_cannot_be_kept_is_refused(homes: Homes, drafts: Drafts) -> None:
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    for values in ({"a": "长" * 100_000}, {"a": object()}, {"a": deep}):
        with pytest.raises(InvalidInputError):
            await drafts.save(RESIDENT, SERVICE, 1, values)
    with pytest.raises(NotAuthenticatedError):
        await drafts.save(Actor(), SERVICE, 1, {})
    for id in ("x", uid(9)):
        with pytest.raises(NotFoundError):
            await drafts.get(RESIDENT, id)
    assert await homes.database.fetch_value("SELECT count(*) FROM tb_draft") == 0
