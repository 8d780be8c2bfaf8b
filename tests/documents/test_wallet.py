"""The wallet: whose it is, the code on the screen, what a unit may look at, and who learns that it looked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)

from core.documents import wallet as room
from core.documents.rows import Document
from core.fields.times import utc_now
from core.store.ids import uuid7
from tests.cases.conftest import COUNTY, opened
from tests.documents.conftest import DOCUMENTS, Registry, proof_files

TOGETHER = 10


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Registry]:
    only_wallet = DOCUMENTS.replace("    file_field: paper\n", "")
    async with opened(database_place, tmp_path, monkeypatch, **{**proof_files(), "documents": only_wallet}) as host:
        office = Registry(host.host)
        for name in ("马大妈", "王大爷"):
            await office.citizen(name)
        await office.member("窗口", "works_desk", COUNTY)
        await office.member("别局", "works_crew", COUNTY, "教育局")
        yield office


async def looks(office: Registry) -> list[tuple[Any, ...]]:
    return await office.fetch("SELECT actor, action FROM tb_audit WHERE action LIKE 'licence.%' ORDER BY at, number")


async def told(office: Registry, document: Document) -> list[str]:
    """What the holder finds among those who looked."""
    assert document.holder is not None
    lookers = office.host.privacy.lookers
    return [look.action for look in await lookers.of(document.holder) if "证照" in look.action]


async def test_a_licence_is_in_its_holders_wallet_and_in_no_other(office: Registry) -> None:
    document = await office.issue()
    wallet = office.host.wallet
    assert (document.status, document.licence, document.file_field) == ("issued", "residence_certificate", "")
    assert [found.number for found in await wallet.mine(office["马大妈"])] == [document.number]
    assert list(await wallet.mine(office["王大爷"])) == []
    for number in (document.number, "x"):
        with pytest.raises(NotFoundError):
            await wallet.show(office["王大爷"], number)
    with pytest.raises(PermissionDeniedError):
        await wallet.mine(office["窗口"])
    agent = replace(office["马大妈"], agent=office["王大爷"].person, scopes=("works",))
    with pytest.raises(PermissionDeniedError):
        await wallet.show(agent, document.number)
    # What she has delegated, and nothing else of hers.
    other, unit = replace(agent, scopes=("bureau", "works.other")), await office.unit("教育局")
    assert [[d.number for d in await wallet.mine(who)] for who in (agent, other)] == [[document.number], []]
    until = utc_now() + timedelta(days=1)
    with pytest.raises(NotFoundError):
        await wallet.grant(other, document.number, unit, "入学", until)
    given = await wallet.grant(agent, document.number, unit, "入学", until)
    assert [len(await wallet.grants(who)) for who in (agent, other)] == [1, 0]
    with pytest.raises(NotFoundError):
        await wallet.end_grant(other, given.id)
    await wallet.end_grant(agent, given.id)
    assert await office.count("tb_licence_show") == [0]


async def test_what_stands_in_for_a_paper(office: Registry) -> None:
    document = await office.issue()
    wallet, holder = office.host.wallet, str(document.holder)
    for types, found in (((), 1), (("residence_certificate",), 1), (("id_card",), 0)):
        assert len(await wallet.licences_of(holder, types)) == found
    await office.documents.revoke(office["窗口"], document.number, "信息有误")
    assert await wallet.licences_of(holder) == []
    assert [d.status for d in await wallet.mine(office["马大妈"])] == ["revoked"]
    with pytest.raises(ConflictError):
        await wallet.show(office["马大妈"], document.number)


async def test_a_code_is_scanned_once_and_the_holder_learns_of_it(office: Registry) -> None:
    document = await office.issue()
    wallet = office.host.wallet
    first = await wallet.show(office["马大妈"], document.number)
    shown = await wallet.show(office["马大妈"], document.number)
    with pytest.raises(NotFoundError):
        await wallet.scan(office["窗口"], first.code)
    for nobody in (office["王大爷"],):
        with pytest.raises(PermissionDeniedError):
            await wallet.scan(nobody, shown.code)
    results = await asyncio.gather(
        *(wallet.scan(office["窗口"], shown.code) for _ in range(TOGETHER)), return_exceptions=True
    )
    seen = [result for result in results if isinstance(result, room.Licence)]
    assert [type(r) for r in results if r not in seen] == [NotFoundError] * (TOGETHER - 1)
    assert (seen[0].state, seen[0].document.number) == ("valid", document.number)
    assert seen[0].paragraphs[0].startswith("兹证明马大妈（男性，1980年5月1日出生）")
    assert await looks(office) == [(office["窗口"].id, "licence.scan")]
    assert await told(office, document) == ["扫码查验证照"]
    token = shown.code.removeprefix(room.SCHEME)
    assert token not in str(await office.fetch("SELECT * FROM tb_licence_show"))


async def test_a_code_lasts_a_minute(office: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await office.issue()
    wallet, now = office.host.wallet, utc_now()
    monkeypatch.setattr(room, "utc_now", lambda: now)
    shown = await wallet.show(office["马大妈"], document.number)
    assert shown.expires_at - now == timedelta(seconds=60)
    monkeypatch.setattr(room, "utc_now", lambda: now + timedelta(seconds=60))
    with pytest.raises(NotFoundError):
        await wallet.scan(office["窗口"], shown.code)
    assert await looks(office) == []


async def test_a_unit_looks_for_a_purpose_until_it_is_over(office: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await office.issue()
    wallet, unit, now = office.host.wallet, await office.unit("教育局"), utc_now()
    until = now + timedelta(days=30)
    grant = await wallet.grant(office["马大妈"], document.number, unit, "子女入学", until)
    assert [g.id for g in await wallet.granted(office["别局"])] == [grant.id]
    assert await wallet.granted(office["窗口"]) == []
    seen = await wallet.use(office["别局"], grant.id)
    assert (seen.state, seen.document.number) == ("valid", document.number)
    assert await told(office, document) == ["凭授权查看证照"]
    for actor, id in ((office["窗口"], grant.id), (office["别局"], uuid7()), (office["别局"], "x")):
        with pytest.raises(NotFoundError):
            await wallet.use(actor, id)
    monkeypatch.setattr(room, "utc_now", lambda: until)
    with pytest.raises(NotFoundError):
        await wallet.use(office["别局"], grant.id)
    monkeypatch.undo()
    with pytest.raises(NotFoundError):
        await wallet.end_grant(office["王大爷"], grant.id)
    await wallet.end_grant(office["马大妈"], grant.id)
    with pytest.raises(NotFoundError):
        await wallet.use(office["别局"], grant.id)
    (kept,) = await wallet.grants(office["马大妈"])
    assert (kept.purpose, kept.revoked_at is not None) == ("子女入学", True)
    assert "子女入学" not in str(await office.fetch("SELECT * FROM tb_licence_grant"))
    assert await looks(office) == [(office["马大妈"].id, "licence.grant"), (office["别局"].id, "licence.use")]


async def test_a_grant_names_a_unit_a_purpose_and_an_end(office: Registry) -> None:
    document = await office.issue()
    wallet, now = office.host.wallet, utc_now()
    with pytest.raises(InvalidInputError) as refused:
        await wallet.grant(office["马大妈"], document.number, "x", " ", now + timedelta(days=400))
    assert [p.id for p in refused.value.problems] == ["licence.purpose", "licence.until", "licence.unit"]
    with pytest.raises(NotAuthenticatedError):
        await wallet.grants(replace(office["马大妈"], id=""))
    assert await office.count("tb_licence_grant") == [0]
