"""Who somebody is: each person bound after a check of her own, and a number that changed hands opens nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tongban_sdk import (
    Actor,
    InvalidInputError,
    LoginFailedError,
    NotAuthenticatedError,
    PermissionDeniedError,
    RateLimitedError,
    RealNameRequiredError,
    UnavailableError,
)

from core.identity.actors import Choice
from core.identity.providers import NoRealName
from core.store.dialect import bind
from core.store.session_tables import SESSION
from tests.login.hall import ADDRESS, OTHER_TOWN, PASSWORD, Hall

PHONE = "13800138000"


async def test_name_and_number_make_level_two_and_a_face_three(hall: Hall) -> None:
    person, idno = await hall.resident("马小花", 1)
    first = await hall.citizen(PHONE)
    with pytest.raises(RealNameRequiredError) as low:
        await hall.login.real_names.verify_face(first.actor, b"jpeg")
    assert (low.value.code, low.value.level) == ("REAL_NAME_REQUIRED", 2)
    assert "verifyIdentity" in low.value.hint
    second = await hall.login.real_names.verify(first.actor, " 马小花 ", idno.lower())
    assert (second.actor.person, second.actor.real_name, second.actor.id) == (person, 2, first.actor.id)
    assert [s.id for s in await hall.town.sessions.of(first.actor.id)] == [second.session_id]
    hall.faces.is_hers = False
    with pytest.raises(PermissionDeniedError):
        await hall.login.real_names.verify_face(second.actor, b"jpeg")
    hall.faces.is_hers = True
    third = await hall.login.real_names.verify_face(second.actor, b"jpeg")
    assert (third.actor.person, third.actor.real_name) == (person, 3)
    lower = await hall.login.real_names.verify(third.actor, "马小花", idno)
    assert lower.actor.real_name == 3  # a weaker check takes nothing away


async def test_another_name_and_an_unknown_number_sound_the_same(hall: Hall) -> None:
    _, idno = await hall.resident("马小花", 1)
    _, dead = await hall.resident("马老汉", 2, state="deceased")
    actor = (await hall.citizen(PHONE)).actor
    said = set()
    for name, number in (("马大花", idno), ("马老汉", dead)):
        with pytest.raises(InvalidInputError) as caught:
            await hall.login.real_names.verify(actor, name, number)
        said.add((caught.value.message, caught.value.hint))
    unknown = (await hall.resident("过客", 3))[1]
    async with hall.town.database.transaction() as tx:
        await tx.execute("DELETE FROM core_person WHERE name = '过客'")
    with pytest.raises(InvalidInputError) as caught:
        await hall.login.real_names.verify(actor, "过客", unknown)
    said.add((caught.value.message, caught.value.hint))
    assert len(said) == 1
    with pytest.raises(InvalidInputError) as malformed:
        await hall.login.real_names.verify(actor, "马小花", "123")
    assert [p.id for p in malformed.value.problems] == ["idno.format"]
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 0
    text = str(await hall.town.database.fetch("SELECT * FROM tb_audit", []))
    assert idno not in text
    assert "马小花" not in text


async def test_five_checks_a_day_for_an_account_and_for_a_number(hall: Hall) -> None:
    _, idno = await hall.resident("马小花", 1)
    for n in range(5):
        actor = (await hall.citizen(f"138001380{n:02}")).actor
        with pytest.raises(InvalidInputError):
            await hall.login.real_names.verify(actor, "某某", idno)
    sixth = (await hall.citizen("13900139000")).actor
    with pytest.raises(RateLimitedError):
        await hall.login.real_names.verify(sixth, "马小花", idno)
    for n in range(2, 6):
        with pytest.raises(InvalidInputError):
            await hall.login.real_names.verify(sixth, "某某", (await hall.resident("张三", n))[1])
    with pytest.raises(RateLimitedError):
        await hall.login.real_names.verify(sixth, "张三", (await hall.resident("张三", 7))[1])


async def test_one_phone_for_several_and_several_phones_for_one(hall: Hall) -> None:
    (mother, first), (father, second) = await hall.resident("马大妈", 1), await hall.resident("马大爷", 2)
    pair = await hall.citizen(PHONE)
    pair = await hall.login.real_names.verify(pair.actor, "马大妈", first)
    pair = await hall.login.real_names.verify(pair.actor, "马大爷", second)
    assert pair.actor.person == father  # the one just shown
    assert {b.person for b in await hall.town.sessions.bound(pair.actor.id)} == {mother, father}
    later = await hall.citizen(PHONE)
    assert (later.actor.person, later.actor.real_name) == (None, 1)  # nobody chooses for them
    other = await hall.login.real_names.verify((await hall.citizen("13900139000")).actor, "马大妈", first)
    assert other.actor.person == mother
    assert other.actor.id != pair.actor.id


async def test_a_number_that_changed_hands_opens_nothing_of_its_old_holder(hall: Hall) -> None:
    (old, idno), (new, other) = await hall.resident("马小花", 1), await hall.resident("李四", 2)
    before = await hall.login.real_names.verify((await hall.citizen(PHONE)).actor, "马小花", idno)
    await hall.login.citizens.set_password(before.actor, await hall.code(PHONE), PASSWORD)
    hall.clock.move(days=91)
    await hall.town.age(before.session_id, seen=timedelta(days=1))
    stranger = await hall.citizen(PHONE)
    assert stranger.actor.id != before.actor.id
    assert (stranger.actor.person, stranger.actor.real_name) == (None, 1)
    with pytest.raises(LoginFailedError):  # nor does the old password open the new holder's account
        await hall.login.citizens.login_with_password(PHONE, PASSWORD, ADDRESS)
    shown = await hall.login.real_names.verify(stranger.actor, "李四", other)
    assert (shown.actor.id, shown.actor.person) == (stranger.actor.id, new)
    assert await hall.value(f"SELECT state_why FROM tb_account WHERE id = '{before.actor.id}'") == "recycled"
    assert old not in {b.person for b in await hall.town.sessions.bound(shown.actor.id)}


async def test_its_old_holder_coming_back_late_finds_everything_again(hall: Hall) -> None:
    person, idno = await hall.resident("马小花", 1)
    before = await hall.login.real_names.verify((await hall.citizen(PHONE)).actor, "马小花", idno)
    hall.clock.move(days=91)
    await hall.town.age(before.session_id, seen=timedelta(days=1))
    late = await hall.citizen(PHONE)
    assert late.actor.person is None
    back = await hall.login.real_names.verify(late.actor, "马小花", idno)
    assert (back.actor.id, back.actor.person, back.actor.real_name) == (before.actor.id, person, 2)
    assert (await hall.citizen(PHONE)).actor.id == before.actor.id


async def test_a_phone_in_use_stays_its_holders(hall: Hall) -> None:
    """A session that was used lately shows that the number has not changed hands."""
    first = await hall.citizen(PHONE)
    hall.clock.move(days=91)
    async with hall.town.database.transaction() as tx:
        dialect = hall.town.database.dialect
        bound = bind(dialect, SESSION.column("seen_at"), hall.clock())
        await tx.execute(f"UPDATE tb_session SET seen_at = {dialect.placeholder(1)}", [bound])
    assert (await hall.citizen(PHONE)).actor.id == first.actor.id


async def test_a_clerk_with_the_document_and_the_code_binds_at_level_three(hall: Hall) -> None:
    person, idno = await hall.resident("马大妈", 1)
    clerk = await hall.clerk()
    officer = (await hall.town.sessions.open(await hall.town.staff(roles=["case_officer"]))).actor
    code = await hall.window_code(clerk, PHONE)
    assert hall.texts.templates[-1] == "window_code"
    confirm = hall.login.real_names.confirm_at_window
    for actor, refusal in ((officer, PermissionDeniedError), (Actor(), NotAuthenticatedError)):
        with pytest.raises(refusal):
            await confirm(actor, PHONE, code, "马大妈", idno)
        with pytest.raises(refusal):
            await hall.login.real_names.request_window_code(actor, PHONE)
    with pytest.raises(LoginFailedError):
        await confirm(clerk, PHONE, "x", "马大妈", idno)
    assert await confirm(clerk, PHONE, code, "马大妈", idno) == person
    pair = await hall.citizen(PHONE)
    assert (pair.actor.person, pair.actor.real_name) == (person, 3)
    lines = await hall.audit("action", "actor", "result")
    assert [line for line in lines if line[0] == "confirm_at_window"] == [
        ("confirm_at_window", clerk.id, "LOGIN_FAILED"), ("confirm_at_window", clerk.id, "ok")
    ]  # fmt: skip
    assert await hall.value("SELECT person FROM tb_audit_subject ORDER BY at DESC LIMIT 1") is not None


async def test_a_code_of_the_window_logs_nobody_in_and_is_no_other_clerks(hall: Hall) -> None:
    person, idno = await hall.resident("马大妈", 1)
    clerk, other = await hall.clerk(), await hall.clerk()
    confirm = hall.login.real_names.confirm_at_window
    code = await hall.window_code(clerk, PHONE)
    with pytest.raises(LoginFailedError):
        await hall.login.citizens.login_with_code(PHONE, code, ADDRESS)
    with pytest.raises(LoginFailedError):
        await confirm(other, PHONE, code, "马大妈", idno)
    with pytest.raises(LoginFailedError):
        await confirm(clerk, PHONE, await hall.code(PHONE), "马大妈", idno)
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 0
    assert await hall.value("SELECT count(*) FROM tb_account WHERE kind = 'citizen'") == 0
    assert await confirm(clerk, PHONE, code, "马大妈", idno) == person  # two wrong tries left it alive


async def test_a_clerk_of_another_town_confirms_nobody_and_learns_nothing(hall: Hall) -> None:
    _, idno = await hall.resident("马大妈", 1)
    clerk = await hall.clerk(OTHER_TOWN)
    confirm, told = hall.login.real_names.confirm_at_window, []
    for name in ("马大妈", "马大爷"):
        with pytest.raises(InvalidInputError) as refused:
            await confirm(clerk, PHONE, await hall.window_code(clerk, PHONE), name, idno)
        told.append((refused.value.message, refused.value.hint))
    assert told[0] == told[1]
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 0
    lines = [line for line in await hall.audit("action", "actor", "result") if line[0] == "confirm_at_window"]
    assert lines == [("confirm_at_window", clerk.id, "INVALID_INPUT")] * 2


async def test_a_provider_that_is_away_binds_nobody(hall: Hall) -> None:
    _, idno = await hall.resident("马小花", 1)
    pair = await hall.citizen(PHONE)
    away = hall.login.real_names.__class__(
        hall.login.parts, hall.login.citizens, NoRealName(), hall.faces, hall.login.real_names.sees
    )
    with pytest.raises(UnavailableError, match="身份核验"):
        await away.verify(pair.actor, "马小花", idno)
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 0
    # Nobody has looked: neither the account's quota nor the number's is used up.
    assert await hall.value("SELECT count(*) FROM tb_quota WHERE id LIKE 'check%' AND count <> 0") == 0
    assert await hall.value("SELECT count(*) FROM tb_quota WHERE id LIKE 'check%'") == 2
    assert [s.id for s in await hall.town.sessions.of(pair.actor.id)] == [pair.session_id]


async def test_whoever_acts_for_another_shows_no_document_for_her(hall: Hall) -> None:
    (mother, _), (son, idno) = await hall.resident("马大妈", 1), await hall.resident("马小军", 2)
    pair = await hall.login.real_names.verify((await hall.citizen(PHONE)).actor, "马小军", idno)
    acting = await hall.town.sessions.act(pair.actor, Choice(delegation=await hall.town.delegation(mother, son)))
    for call in (
        hall.login.real_names.verify(acting.actor, "马小军", idno),
        hall.login.citizens.set_password(acting.actor, "123456", PASSWORD),
        hall.login.legal.act_for(acting.actor, mother),
    ):
        with pytest.raises(NotAuthenticatedError):
            await call


async def test_representatives_and_operators_act_for_their_company_and_nobody_else_does(hall: Hall) -> None:
    (boss, first), (clerk, second) = await hall.resident("王总", 1), await hall.resident("李会计", 2)
    company = await hall.town.row(
        "legal_entity", uscc="91640522MA76TEA05N", name="海原枸杞", kind="company", state="active",
        representative_id=boss,
    )  # fmt: skip
    low = (await hall.citizen("13700137000")).actor
    with pytest.raises(RealNameRequiredError):
        await hall.login.legal.act_for(low, company)
    owner = await hall.login.real_names.verify((await hall.citizen(PHONE)).actor, "王总", first)
    acting = await hall.login.legal.act_for(owner.actor, company)
    assert (acting.actor.legal_entity, acting.actor.person) == (company, boss)
    assert acting.actor.roles == {"anonymous", "legal_person"}
    assert acting.actor.id != owner.actor.id
    assert (await hall.login.legal.act_for(owner.actor, company)).actor.id == acting.actor.id
    worker = await hall.login.real_names.verify((await hall.citizen("13900139000")).actor, "李会计", second)
    with pytest.raises(PermissionDeniedError, match="经办人"):
        await hall.login.legal.act_for(worker.actor, company)
    assert await hall.value("SELECT count(*) FROM tb_account WHERE kind = 'legal'") == 1
    since = hall.clock() - timedelta(days=1)
    await hall.town.row(
        "legal_operator", legal_entity_id=company, person_id=clerk, kind="operator", since=since, state="active"
    )
    assert (await hall.login.legal.act_for(worker.actor, company)).actor.person == clerk
    await hall.town.set("core_legal_entity", company, representative_id=clerk)
    with pytest.raises(PermissionDeniedError):
        await hall.login.legal.act_for(owner.actor, company)
    with pytest.raises(NotAuthenticatedError):
        await hall.town.sessions.refresh(acting.refresh)


async def test_a_clerk_confirms_neither_herself_nor_others_for_her_own_phone(hall: Hall) -> None:
    (me, my_idno), (_, idno) = await hall.resident("马文员", 1), await hall.resident("马大妈", 2)
    clerk = await hall.clerk(person_id=me)
    assert clerk.person == me
    confirm = hall.login.real_names.confirm_at_window
    with pytest.raises(PermissionDeniedError):
        await confirm(clerk, PHONE, await hall.window_code(clerk, PHONE), "马文员", my_idno)
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 0
    mine = (await hall.citizen(PHONE)).actor
    await hall.login.real_names.verify(mine, "马文员", my_idno)
    with pytest.raises(PermissionDeniedError):
        await confirm(clerk, PHONE, await hall.window_code(clerk, PHONE), "马大妈", idno)
    assert await hall.value("SELECT count(*) FROM tb_account_person") == 1
    lines = [line for line in await hall.audit("action", "result") if line[0] == "confirm_at_window"]
    assert lines == [("confirm_at_window", "PERMISSION_DENIED")] * 2
