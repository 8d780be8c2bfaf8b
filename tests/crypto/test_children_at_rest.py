"""What is told of a child lies sealed, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.access import AccessModel
from core.crypto import Vault
from core.store.crypto_tables import KEY
from core.write import Writer
from core.write.key_usage import key_usage
from core.write.rest import Unreadable
from core.write.values import Row
from tests.crypto.clinic import (
    CLERK,
    KINDS,
    LOOK,
    VALUES,
    Clinic,
    world,
)

BESIDE = tuple(n for n in (*KINDS, "a_number", "a_sum") if n not in ("a_text", "a_phone", "an_enum", "a_date"))
LOOK_VALUES = {
    **VALUES, "a_number": 409614097, "an_int": 409634099, "a_list": ["过敏甲", "过敏乙"], "a_decimal": "912345.67",
    "a_json": {"k": ["过敏丙", None]}, "a_point": {"lng": 105.6123457, "lat": 36.5123457, "crs": "CGCS2000"},
}  # fmt: skip
#: How they would lie plain in a row or in history: long enough to be in no id, key or time.
NEEDLES = (
    "发热三天", "13800000001", "过敏甲", "过敏丙", "409614097", "409634099", "819268198", "105.6123457", "36.5123457",
    "1056123457", "365123457", "CGCS2000",
)  # fmt: skip
#: On SQLite a decimal is an integer in the row; in history it is a text everywhere.
DECIMALS = ("912345.67", "91234567")


def look_canonical(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in (*KINDS, "a_number", "a_sum", "a_walk")}


async def look_at(clinic: Clinic, person: str) -> str:
    return (await clinic.writer.create(CLERK, clinic.look, {"who": person, **LOOK_VALUES})).id


def plain_columns(raw: Mapping[str, Any]) -> list[str]:
    names = [c.name for n in BESIDE for c in LOOK.fields[n].columns()]
    return [name for name in names if raw[name] is not None]


async def test_every_kind_of_l3_value_of_a_child_is_sealed_and_comes_back(clinic: Clinic) -> None:
    child, grown = await clinic.child(), await clinic.child(40)
    hers, his = await look_at(clinic, child), await look_at(clinic, grown)
    raw = await clinic.raw(clinic.look, hers)
    assert plain_columns(raw) == []
    assert [name for name in BESIDE if not raw[f"{name}_sealed"].startswith("tb1.smd")] == []
    assert [name for name in ("a_text", "a_phone", "an_enum") if not raw[name].startswith("tb1.smd")] == []
    assert str(raw["a_date"])[:10] == "2026-11-22"
    plain = await clinic.raw(clinic.look, his)
    assert [name for name in BESIDE if plain[f"{name}_sealed"] is not None] == []
    assert len(plain_columns(plain)) == len(BESIDE) + 1
    row, other = await clinic.row(clinic.look, hers), await clinic.row(clinic.look, his)
    assert (row["a_point"], row["a_json"], row["a_sum"]) == (
        (1056123457, 365123457),
        {"k": ["过敏丙", None]},
        819268198,
    )
    assert {**look_canonical(row), "a_walk": None} == {**look_canonical(other), "a_walk": None}
    # Computed by the database, and at rest like all others.
    assert row["a_walk"] == (await clinic.row(clinic.person, child))["birth_date"]


async def test_nothing_of_a_child_lies_plain_in_a_row_or_its_history(clinic: Clinic) -> None:
    child, grown = await clinic.child(), await clinic.child(40)
    id = await look_at(clinic, child)
    await clinic.writer.update(CLERK, clinic.look, id, 1, {"a_point": None, "an_int": 509634099, "a_number": 509614097})
    dump = await clinic.dump()
    assert [n for n in (*NEEDLES, *DECIMALS, "509634099", "509614097", "1019268198") if n in dump] == []
    raw = await clinic.raw(clinic.look, id)
    assert (raw["a_point_sealed"], plain_columns(raw)) == (None, [])
    assert (await clinic.row(clinic.look, id))["a_sum"] == 1019268198
    # The search would have found them.
    await look_at(clinic, grown)
    dump = await clinic.dump()
    assert [needle for needle in (*NEEDLES, DECIMALS[0]) if needle not in dump] == []


async def test_a_row_goes_back_and_forth_between_a_child_and_an_adult(clinic: Clinic) -> None:
    child, grown = await clinic.child(), await clinic.child(40)
    id = await look_at(clinic, grown)
    before = look_canonical(await clinic.row(clinic.look, id))
    await clinic.writer.update(CLERK, clinic.look, id, 1, {"who": child})
    raw = await clinic.raw(clinic.look, id)
    assert (plain_columns(raw), raw["a_json_sealed"][:7]) == ([], "tb1.smd")
    await clinic.writer.update(CLERK, clinic.look, id, 2, {"who": grown, "a_json": {"k": [2]}})
    raw = await clinic.raw(clinic.look, id)
    # What was not changed may stay as it was; one of the two is null.
    assert (raw["a_json_sealed"], raw["a_list"], raw["a_list_sealed"][:7]) == (None, None, "tb1.smd")
    assert look_canonical(await clinic.row(clinic.look, id)) == {**before, "a_json": {"k": [2]}}


async def test_the_night_seals_what_a_birth_date_put_right_leaves_plain_of_any_kind(clinic: Clinic) -> None:
    grown = await clinic.child(40)
    id = await look_at(clinic, grown)
    before = look_canonical(await clinic.row(clinic.look, id))
    await clinic.writer.update(CLERK, clinic.person, grown, 1, {"birth_date": "2020-01-01"})
    assert len(plain_columns(await clinic.raw(clinic.look, id))) == len(BESIDE) + 1
    done = await clinic.keep_up()
    assert (done.rows["clinic_look"], done.troubles) == (1, 0)
    dump = await clinic.dump()
    assert [needle for needle in (*NEEDLES, *DECIMALS) if needle in dump] == []
    row = await clinic.row(clinic.look, id)
    assert (look_canonical(row), row["version"]) == (before, 1)
    assert (await clinic.keep_up()).rows.total() == 0
    # No child after all, or grown up: the next night opens it.
    await clinic.writer.update(CLERK, clinic.person, grown, 2, {"birth_date": "1990-01-01"})
    assert plain_columns(await clinic.raw(clinic.look, id)) == []
    await clinic.keep_up()
    assert (await clinic.raw(clinic.person, grown))["name"] == "王小明"
    assert len(plain_columns(await clinic.raw(clinic.look, id))) == len(BESIDE) + 1
    assert look_canonical(await clinic.row(clinic.look, id)) == before


async def test_rows_of_older_versions_are_sealed_by_the_start_that_migrates(clinic: Clinic) -> None:
    plain = replace(LOOK, fields={n: replace(f, level="L2") for n, f in LOOK.fields.items()})
    secret = replace(LOOK, fields={n: replace(f, level="L4") for n, f in LOOK.fields.items() if n in KINDS})
    before = await clinic.turned_into(world(look=plain))
    child, grown = await before.child(), await before.child(40)
    hers, his = await look_at(before, child), await look_at(before, grown)
    expected = [look_canonical(await before.row(plain, id)) for id in (hers, his)]
    after = await before.turned_into(world())
    assert [look_canonical(await after.row(LOOK, id)) for id in (hers, his)] == expected
    assert plain_columns(await after.raw(LOOK, hers)) == []
    assert len(plain_columns(await after.raw(LOOK, his))) == len(BESIDE) + 1
    # Raised to L4 and lowered again: nothing is lost, in either row.
    raised = await after.turned_into(world(look=secret))
    for id, row in zip((hers, his), expected, strict=True):
        assert {n: (await raised.row(secret, id))[n] for n in KINDS} == {n: row[n] for n in KINDS}
    lowered = await (await raised.turned_into(world())).turned_into(world(look=plain))
    assert [look_canonical(await lowered.row(plain, id)) for id in (hers, his)] == expected


async def test_keys_count_and_a_lost_key_spares_values_of_any_kind_of_a_child(clinic: Clinic) -> None:
    id = await look_at(clinic, await clinic.child())
    gone = clinic.vault.current("data").id
    count = (await key_usage(clinic.database, clinic.world))[gone]
    row = len(BESIDE) + 3
    # The child's own name, the row, and its history.
    assert count == 2 + 2 * row
    await clinic.rotate("data")
    sealed = await clinic.raw(clinic.look, id)
    async with clinic.database.transaction() as tx:
        await tx.execute(f"DELETE FROM {KEY.name} WHERE id = '{gone}'")
    clinic.vault = await Vault.of(clinic.database, bytes(32), "sm")
    clinic.writer = Writer(clinic.database, clinic.world, AccessModel(clinic.world), vault=clinic.vault)
    assert (await clinic.row(clinic.look, id))["a_point"] == Unreadable(sealed["a_point_sealed"])
    await clinic.writer.update(CLERK, clinic.look, id, 1, {"an_int": 8})
    assert (await clinic.keep_up()).unreadable[gone] == row
    assert (await clinic.raw(clinic.look, id))["a_point_sealed"] == sealed["a_point_sealed"]
    assert (await clinic.row(clinic.look, id))["an_int"] == 8
