"""Rows at rest: what is sealed, for whom, and how it comes to lie so when a manifest, a key or a birth date changes."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from tongban_sdk.errors import ConflictError

from core.access import AccessModel
from core.crypto import Vault
from core.store.crypto_tables import KEY
from core.write import Writer
from core.write.rest import Unreadable
from tests.crypto.clinic import (
    CLERK,
    IDNO,
    KINDS,
    PERSON,
    VALUES,
    VISIT,
    Clinic,
    world,
)


async def test_every_kind_of_l4_value_is_sealed_and_comes_back(clinic: Clinic) -> None:
    written = await clinic.writer.create(CLERK, clinic.visit, {**VALUES, "state": "open", "note": "成人"})
    raw = await clinic.raw(clinic.visit, written.id)
    columns = {**{name: f"{name}_sealed" for name in KINDS}, **{n: n for n in ("a_text", "a_phone", "an_enum")}}
    assert all(raw[column].startswith("tb1.smd") for column in columns.values())
    assert (raw["state"], raw["note"]) == ("open", "成人")
    row = await clinic.row(clinic.visit, written.id)
    for name, (_, _, canonical) in KINDS.items():
        assert row[name] == (canonical if name != "a_time" else written.row[name])


async def test_changing_and_emptying_sealed_values(clinic: Clinic) -> None:
    id = (await clinic.writer.create(CLERK, clinic.visit, {**VALUES, "state": "open"})).id
    before = await clinic.raw(clinic.visit, id)
    await clinic.writer.update(CLERK, clinic.visit, id, 1, {"a_text": "痊愈", "a_point": None, "state": "done"})
    after = await clinic.raw(clinic.visit, id)
    # Untouched values are not sealed anew: their columns are not written.
    assert after["a_list_sealed"] == before["a_list_sealed"]
    assert (after["a_point_sealed"], after["state"]) == (None, "done")
    assert (await clinic.row(clinic.visit, id))["a_text"] == "痊愈"


async def test_history_is_sealed_and_events_hold_nothing(clinic: Clinic) -> None:
    id = (await clinic.writer.create(CLERK, clinic.visit, {"a_text": "发热", "state": "open"})).id
    await clinic.writer.update(CLERK, clinic.visit, id, 1, {"a_text": "痊愈"})
    rows = await clinic.database.fetch("SELECT before, after FROM tb_history ORDER BY version", [])
    (_, created), (before, after) = [[orjson.loads(cell or "{}") for cell in row] for row in rows]
    assert created["state"] == "open"
    context = f"clinic.visit.a_text:{id}"
    sealed = [created["a_text"], before["a_text"], after["a_text"]]
    assert [clinic.vault.unseal(text, context) for text in sealed] == ['"发热"', '"发热"', '"痊愈"']


async def test_texts_of_children_are_sealed_to_the_day(clinic: Clinic) -> None:
    for years, is_sealed in ((13, True), (14, False)):
        person = await clinic.child(years)
        id = (await clinic.writer.create(CLERK, clinic.visit, {"who": person, "note": "近视"})).id
        assert (await clinic.raw(clinic.visit, id))["note"].startswith("tb1.") is is_sealed
        assert (await clinic.raw(clinic.person, person))["name"].startswith("tb1.") is is_sealed
        assert (await clinic.row(clinic.person, person))["name"] == "王小明"
    unborn = (await clinic.writer.create(CLERK, clinic.person, {"name": "不详"})).id
    assert (await clinic.raw(clinic.person, unborn))["name"].startswith("tb1.")


async def test_a_row_that_turns_out_to_be_about_a_child_is_written_anew(clinic: Clinic) -> None:
    grown, child = await clinic.child(40), await clinic.child()
    id = (await clinic.writer.create(CLERK, clinic.visit, {"who": grown, "note": "近视"})).id
    await clinic.writer.update(CLERK, clinic.visit, id, 1, {"who": child})
    assert (await clinic.raw(clinic.visit, id))["note"].startswith("tb1.")
    await clinic.writer.update(CLERK, clinic.person, grown, 1, {"birth_date": "2020-01-01"})
    assert (await clinic.raw(clinic.person, grown))["name"].startswith("tb1.")


async def test_the_nightly_job_seals_what_a_birth_date_put_right_leaves_plain(clinic: Clinic) -> None:
    grown = await clinic.child(40)
    id = (await clinic.writer.create(CLERK, clinic.visit, {"who": grown, "note": "近视镜三百度"})).id
    await clinic.writer.update(CLERK, clinic.person, grown, 1, {"birth_date": "2020-01-01"})
    assert (await clinic.raw(clinic.visit, id))["note"] == "近视镜三百度"
    await clinic.keep_up()
    assert "近视镜三百度" not in await clinic.dump()
    assert (await clinic.row(clinic.visit, id))["note"] == "近视镜三百度"
    assert (await clinic.row(clinic.visit, id))["version"] == 1


async def test_a_text_that_looks_sealed_is_sealed(clinic: Clinic) -> None:
    id = (await clinic.writer.create(CLERK, clinic.visit, {"note": "tb1.smdxxxxxxxx.AAAA"})).id
    assert (await clinic.row(clinic.visit, id))["note"] == "tb1.smdxxxxxxxx.AAAA"


async def test_unique_holds_across_sealed_and_plain_rows(clinic: Clinic) -> None:
    await clinic.child(40, idno=IDNO)
    with pytest.raises(ConflictError, match="idno"):
        await clinic.child(5, idno=IDNO)
    assert await clinic.database.fetch_value("SELECT count(*) FROM core_person", []) == 1


async def test_a_level_raised_to_l4_leaves_nothing_plain(clinic: Clinic) -> None:
    plain = replace(VISIT, fields={n: replace(f, level="L2") for n, f in VISIT.fields.items()}, subjects=())
    before = await clinic.turned_into(world(plain))
    id = (await before.writer.create(CLERK, plain, {**VALUES, "note": "平常"})).id
    expected = await before.row(plain, id)
    assert "发热三天" in await before.dump()
    after = await before.turned_into(world())
    row = await after.row(VISIT, id)
    assert {name: row[name] for name in KINDS} == {name: expected[name] for name in KINDS}
    dump = await after.dump()
    assert not [word for word in ("发热三天", "13800000001", "甲", "12.30", "1056000000") if word in dump]
    # And back again: nothing is lost when a level is lowered.
    lowered = await after.turned_into(world(plain))
    row = await lowered.row(plain, id)
    assert {name: row[name] for name in KINDS} == {name: expected[name] for name in KINDS}


async def test_a_renamed_field_keeps_its_values(clinic: Clinic) -> None:
    id = (await clinic.writer.create(CLERK, clinic.visit, {"a_text": "发热", "an_int": 7})).id
    fields = {n: f for n, f in VISIT.fields.items() if n not in ("a_text", "an_int")}
    for old, new in (("a_text", "finding"), ("an_int", "grade")):
        fields[new] = replace(VISIT.fields[old], name=new, renamed_from=old)
    renamed = replace(VISIT, fields=fields)
    after = await clinic.turned_into(world(renamed))
    assert [(await after.row(renamed, id))[n] for n in ("finding", "grade")] == ["发热", 7]
    # Once moved they no longer need the old name.
    settled = replace(renamed, fields={n: replace(f, renamed_from=None) for n, f in fields.items()})
    later = await after.turned_into(world(settled))
    assert [(await later.row(settled, id))[n] for n in ("finding", "grade")] == ["发热", 7]


async def test_keyed_is_filled_for_rows_that_were_there(clinic: Clinic) -> None:
    unkeyed = replace(PERSON, fields={**PERSON.fields, "idno": replace(PERSON.fields["idno"], keyed=False)})
    before = await clinic.turned_into(world(person=unkeyed))
    await before.child(40, idno=IDNO)
    after = await before.turned_into(world())
    with pytest.raises(ConflictError):
        await after.child(5, idno=IDNO)


async def test_rotation_moves_rows_history_and_lookups(clinic: Clinic) -> None:
    child = await clinic.child(idno=IDNO)
    id = (await clinic.writer.create(CLERK, clinic.visit, {"who": child, **VALUES})).id
    old = {clinic.vault.current(use).id for use in ("data", "lookup")}
    await clinic.rotate("data")
    await clinic.rotate("lookup")
    assert (await clinic.row(clinic.visit, id))["a_text"] == "发热三天\n服药"
    await clinic.keep_up()
    cells = "\n".join(line for line in (await clinic.dump()).splitlines() if line not in old)
    assert not [kid for kid in old if f"{kid}." in cells]
    assert (await clinic.row(clinic.visit, id))["a_list"] == ["甲", "乙"]
    with pytest.raises(ConflictError):
        await clinic.child(40, idno=IDNO)
    assert (await clinic.keep_up()).rows.total() == 0


async def test_a_key_that_is_gone_loses_nothing(clinic: Clinic) -> None:
    id = (await clinic.writer.create(CLERK, clinic.visit, {**VALUES, "state": "open"})).id
    gone = clinic.vault.current("data").id
    await clinic.rotate("data")
    sealed = await clinic.raw(clinic.visit, id)
    async with clinic.database.transaction() as tx:
        kept = (await tx.fetch(f"SELECT wrapped FROM {KEY.name} WHERE id = '{gone}'", []))[0][0]
        await tx.execute(f"UPDATE {KEY.name} SET id = 'moved' WHERE id = '{gone}'")
        await tx.execute(f"DELETE FROM {KEY.name} WHERE id = 'moved'")
    assert kept
    clinic.vault = await Vault.of(clinic.database, bytes(32), "sm")
    clinic.writer = Writer(clinic.database, clinic.world, AccessModel(clinic.world), vault=clinic.vault)
    assert (await clinic.row(clinic.visit, id))["a_text"] == Unreadable(sealed["a_text"])
    # The rest of the row can be changed; what cannot be read stays as it is.
    await clinic.writer.update(CLERK, clinic.visit, id, 1, {"state": "done", "an_int": 8})
    done = await clinic.keep_up()
    assert done.unreadable == {gone: len(KINDS) - 1}
    after = await clinic.raw(clinic.visit, id)
    assert after["state"] == "done"
    assert after["a_text"] == sealed["a_text"]
    assert (await clinic.row(clinic.visit, id))["an_int"] == 8


async def test_a_repeated_request_is_known_across_a_rotation_and_by_no_plain_hash(clinic: Clinic) -> None:
    values = {"name": "王小明", "idno": IDNO}
    first = await clinic.writer.create(CLERK, clinic.person, values, idempotency_key="k")
    await clinic.rotate("lookup")
    again = await clinic.writer.create(CLERK, clinic.person, values, idempotency_key="k")
    assert (again.id, again.replayed) == (first.id, True)
    with pytest.raises(ConflictError, match="幂等键"):
        await clinic.writer.create(CLERK, clinic.person, {**values, "name": "别人"}, idempotency_key="k")
