"""Rows at rest: what is sealed, for whom, and how it comes to lie so when a manifest, a key or a birth date changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError

from core.access import AccessModel
from core.crypto import Vault
from core.crypto.keys import Use
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.crypto_tables import KEY
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from core.write import Writer
from core.write.key_usage import key_usage
from core.write.rest import Unreadable
from core.write.upkeep import keep_up
from core.write.values import Row, from_columns
from tests.worlds import entity, plugin, rule

PERSON = entity(
    "core",
    "person",
    {
        "name": {"type": "string", "level": "L3", "required": True},
        "idno": {"type": "idno", "level": "L3", "keyed": True, "unique": True},
        "birth_date": {"type": "date", "level": "L2"},
    },
    subjects=("self",),
)
#: One field of every kind, all L4; `note` is L3 and sealed for children, `state` is a work key.
KINDS: Mapping[str, tuple[Mapping[str, Any], Any, Any]] = {
    "a_text": ({"type": "text"}, "发热三天\n服药", "发热三天\n服药"),
    "a_phone": ({"type": "phone"}, "13800000001", "13800000001"),
    "a_list": ({"type": "list", "of": "string"}, ["甲", "乙"], ["甲", "乙"]),
    "a_json": ({"type": "json"}, {"k": [1, None]}, {"k": [1, None]}),
    "a_date": ({"type": "date"}, "2026-11-22", date(2026, 11, 22)),
    "an_int": ({"type": "integer"}, -7, -7),
    "a_decimal": ({"type": "decimal", "precision": 8, "scale": 2}, "12.30", Decimal("12.30")),
    "a_bool": ({"type": "boolean"}, False, False),
    "a_time": ({"type": "time"}, "08:30", None),
    "a_point": ({"type": "point"}, {"lng": 105.6, "lat": 36.5, "crs": "CGCS2000"}, (1056000000, 365000000)),
    "an_enum": ({"type": "enum", "values": {"ill": "病", "well": "好"}}, "ill", "ill"),
}
VISIT_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "who": {"type": "ref", "to": "core.person"},
    "state": {"type": "string", "level": "L2", "index": True},
    "note": {"type": "string", "level": "L3"},
    **{name: {**spec, "level": "L4"} for name, (spec, _, _) in KINDS.items()},
}
VISIT = entity("clinic", "visit", VISIT_FIELDS, subjects=("who",))
#: The same kinds, all L3: sealed in rows about children, in columns of their own unless they are texts.
LOOK_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "who": {"type": "ref", "to": "core.person"},
    "a_number": {"type": "integer", "level": "L3", "keyed": True},
    "a_sum": {"type": "computed", "as": "integer", "expr": "an_int * 2", "stored": True, "level": "L3"},
    "a_walk": {"type": "computed", "as": "date", "expr": "who.birth_date", "stored": True, "level": "L2"},
    **{name: {**spec, "level": "L3"} for name, (spec, _, _) in KINDS.items()},
}
LOOK = entity("clinic", "look", LOOK_FIELDS, subjects=("who",))
CLERK = Actor(id="c1", kind="staff", roles=frozenset({"clerk"}), division="640522100000")
IDNO = "110101199003070054"


def world(visit: Entity = VISIT, person: Entity = PERSON, look: Entity = LOOK) -> World:
    rules = [rule("clerk", e, "create update delete read", clear="*") for e in (person, visit, look)]
    core = plugin("core", [person], rules[:1], ["clerk"])
    return World({"core": core, "clinic": plugin("clinic", [visit, look], rules[1:])})


class Clinic:
    """A database, its keys and a writer."""

    def __init__(self, database: Database, vault: Vault, made: World) -> None:
        self.database, self.vault, self.world = database, vault, made
        self.writer = Writer(database, made, AccessModel(made), vault=vault)

    @property
    def visit(self) -> Entity:
        return self.world.entities["clinic.visit"]

    @property
    def look(self) -> Entity:
        return self.world.entities["clinic.look"]

    @property
    def person(self) -> Entity:
        return self.world.entities["core.person"]

    async def child(self, years: int = 13, **more: Any) -> str:
        today = utc_now() + timedelta(hours=8)
        born = today.date().replace(year=today.year - years, day=1)
        values = {"name": "王小明", "birth_date": born.isoformat(), **more}
        return (await self.writer.create(CLERK, self.person, values)).id

    async def raw(self, entity: Entity, id: str) -> dict[str, Any]:
        names = [column.name for column in table_of(entity).columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        row = (await self.database.fetch(f"SELECT {quoted} FROM {entity.table} WHERE id = '{id}'", []))[0]
        return dict(zip(names, row, strict=True))

    async def row(self, entity: Entity, id: str) -> Row:
        return from_columns(self.database.dialect, entity, await self.raw(entity, id), self.vault)

    async def keep_up(self, **options: bool) -> Any:
        return await keep_up(self.database, self.vault, self.world, list(self.world.entities.values()), **options)

    async def turned_into(self, made: World) -> Clinic:
        """The same database under changed manifests, as a start makes it."""
        await migrate(self.database, tables_of(made))
        changed = Clinic(self.database, self.vault, made)
        await changed.keep_up(only_new=True)
        return changed

    async def rotate(self, use: Use) -> None:
        """A rotation whose waiting time is over."""
        await self.vault.rotate(use)
        async with self.database.transaction() as tx:
            await tx.execute(f"UPDATE {KEY.name} SET active_at = made_at")
        self.vault = await Vault.of(self.database, bytes(32), self.vault.profile)
        self.writer = Writer(self.database, self.world, AccessModel(self.world), vault=self.vault)

    async def dump(self) -> str:
        """Every cell of every table."""
        cells = []
        for table in [*ENGINE_TABLES, *(table_of(e) for e in self.world.entities.values())]:
            cells += [str(cell) for row in await self.database.fetch(f"SELECT * FROM {table.name}", []) for cell in row]
        return "\n".join(cells)


@pytest.fixture
async def clinic(database: Database) -> Clinic:
    made = world()
    await migrate(database, tables_of(made))
    found = Clinic(database, await Vault.of(database, bytes(32), "sm"), made)
    await found.keep_up(only_new=True)
    return found


VALUES = {name: given for name, (_, given, _) in KINDS.items()}


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
