"""The write pipeline: input, rights, refs, versions, repetition, history, events. Refusals change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.changes import Change
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
)

from core.access import AccessModel
from core.manifest.model import World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer, Written
from tests.worlds import (
    ADMIN,
    ORG_ID,
    PERSON_ID,
    PROPERTY_STAFF,
    RESIDENT,
    STREET_ADMIN,
    TOWN,
    VILLAGE,
    entity,
    plugin,
    rule,
    small_world,
)

HOUSE_ID = "01930000-0000-7000-8000-0000000000b1"
COMPOUND_ID = "01930000-0000-7000-8000-0000000000c1"
OTHER_ID = "01930000-0000-7000-8000-0000000000ff"
TABLES = ("community_repair_order", "community_house", "tb_history", "tb_outbox", "tb_idempotency", "tb_sequence")

NOTE = entity(
    "test",
    "note",
    {
        "title": {"type": "string", "unique": True, "required": True},
        "amount": {"type": "integer"},
        "parent": {"type": "ref", "to": "note"},
        "friend": {"type": "ref", "to": "note", "on_delete": "set_null"},
        "state": {"type": "string", "default": "new"},
        "owner": {"type": "string"},
        "shout": {"type": "computed", "as": "string", "stored": True, "expr": "title + '!'"},
        "parent_title": {"type": "computed", "as": "string", "stored": True, "expr": "parent.title"},
        "at": {"type": "point", "level": "L2"},
        "price": {"type": "money"},
    },
)
NOTES = plugin(
    "test",
    [NOTE],
    [
        rule("clerk", NOTE, "read create update delete", without=("owner",)),
        rule("boss", NOTE, "read create update delete", number=1),
        rule("author", NOTE, "read create update", "owner == me.id", number=2),
        rule("reader", NOTE, "read", number=3),
        rule("opener", NOTE, "read create update delete", "state == 'new'", number=4),
    ],
)


def actor(*roles: str, id: str = "u1") -> Actor:
    return Actor(id, "staff", roles=frozenset({"anonymous", *roles}), division=TOWN)


CLERK, BOSS, AUTHOR, READER, OPENER = (actor(r) for r in ("clerk", "boss", "author", "reader", "opener"))


class Desk:
    """A database with a world and a writer."""

    def __init__(self, database: Database, world: World, **options: Any) -> None:
        self.database = database
        self.world = world
        self.told: list[Written] = []
        self.writer = Writer(database, world, AccessModel(world), on_commit=[self.told.extend], **options)

    async def create(self, who: Actor, values: Mapping[str, Any], key: str = "test.note", **more: Any) -> Written:
        return await self.writer.create(who, self.world.entities[key], values, **more)

    async def update(self, who: Actor, written: Written, patch: Mapping[str, Any], **more: Any) -> Written:
        target = self.world.entities[written.entity]
        return await self.writer.update(who, target, written.id, written.version, patch, **more)

    async def delete(self, who: Actor, written: Written) -> Written:
        return await self.writer.delete(who, self.world.entities[written.entity], written.id, written.version)

    async def counts(self, *tables: str) -> list[int]:
        return [int(await self.database.fetch_value(f"SELECT count(*) FROM {t}")) for t in tables]

    async def value(self, table: str, column: str, id: str) -> Any:
        return await self.database.fetch_value(f"SELECT {column} FROM {table} WHERE id = '{id}'")


@pytest.fixture
async def desk(database: Database) -> Desk:
    world = World({**small_world().plugins, "test": NOTES})
    await migrate(database, tables_of(world))
    async with database.transaction() as tx:
        now = "'2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 1"
        head = "(id, created_at, updated_at, version"
        await tx.execute(f"INSERT INTO core_person {head}, name) VALUES ('{PERSON_ID}', {now}, '马')")
        await tx.execute(f"INSERT INTO core_org_unit {head}, name) VALUES ('{ORG_ID}', {now}, '物业')")
        await tx.execute(
            f"INSERT INTO community_compound {head}, name, division, property_org_id) "
            f"VALUES ('{COMPOUND_ID}', {now}, 'A', '{VILLAGE}', '{ORG_ID}')"
        )
        await tx.execute(
            f"INSERT INTO community_house {head}, compound_id, room_no, division, owner_id) "
            f"VALUES ('{HOUSE_ID}', {now}, '{COMPOUND_ID}', '101', '{VILLAGE}', '{PERSON_ID}')"
        )
    return Desk(database, world)


RECORDS = ("test_note", "tb_history", "tb_outbox", "tb_idempotency")


async def refused(desk: Desk, call: Any, kind: type[RequestError], tables: Sequence[str] = RECORDS) -> RequestError:
    before = await desk.counts(*tables)
    told = list(desk.told)
    with pytest.raises(kind) as caught:
        await call
    assert await desk.counts(*tables) == before
    assert desk.told == told
    return caught.value


async def test_create_writes_row_history_and_event(desk: Desk) -> None:
    written = await desk.create(CLERK, {"title": "水", "price": "12.50", "amount": 3}, why="来电")
    assert (written.version, written.action, written.replayed) == (1, "create", False)
    assert await desk.counts(*RECORDS) == [1, 1, 1, 0]
    assert await desk.value("test_note", "title", written.id) == "水"
    assert await desk.value("test_note", "state", written.id) == "new"
    assert await desk.value("test_note", "division", written.id) == TOWN
    assert await desk.value("test_note", "created_by", written.id) == "u1"
    assert await desk.value("test_note", "shout", written.id) == "水!"
    history = (await desk.database.fetch("SELECT entity, row_id, version, action, actor, why FROM tb_history"))[0]
    assert tuple(map(str, history)) == ("test.note", written.id, "1", "create", "u1", "来电")
    event = (await desk.database.fetch("SELECT topic, entity, row_id, version FROM tb_outbox"))[0]
    assert tuple(map(str, event)) == ("entity.created", "test.note", written.id, "1")
    assert desk.told == [written]


async def test_all_problems_of_an_input_at_once(desk: Desk) -> None:
    values = {"amount": "3", "nope": 1, "price": "x", "shout": "y", "at": {"lng": 1, "lat": 2}}
    error = await refused(desk, desk.create(BOSS, {k: v for k, v in values.items() if k != "nope"}), InvalidInputError)
    assert isinstance(error, InvalidInputError)
    assert sorted(p.path for p in error.problems) == [
        ("input", "amount"), ("input", "at"), ("input", "price"), ("input", "shout"), ("input", "title"),
    ]  # fmt: skip
    await refused(desk, desk.create(BOSS, values), PermissionDeniedError)


@pytest.mark.parametrize(
    ("who", "values", "kind"),
    [
        (ANONYMOUS, {"title": "a"}, NotAuthenticatedError),
        (READER, {"title": "a"}, PermissionDeniedError),
        (CLERK, {"title": "a", "owner": "x"}, PermissionDeniedError),
        (AUTHOR, {"title": "a", "owner": "u2"}, PermissionDeniedError),
        (OPENER, {"title": "a", "state": "done"}, PermissionDeniedError),
    ],
)
async def test_create_without_the_right(
    desk: Desk, who: Actor, values: dict[str, Any], kind: type[RequestError]
) -> None:
    await refused(desk, desk.create(who, values), kind)


async def test_unique_names_the_field_and_a_deleted_row_frees_the_value(desk: Desk) -> None:
    first = await desk.create(CLERK, {"title": "a"})
    error = await refused(desk, desk.create(CLERK, {"title": "a"}), ConflictError)
    assert "title" in error.message
    second = await desk.create(CLERK, {"title": "b"})
    await refused(desk, desk.update(CLERK, second, {"title": "a"}), ConflictError)
    await desk.delete(CLERK, first)
    await desk.update(CLERK, second, {"title": "a"})


async def test_update_keeps_before_and_after(desk: Desk) -> None:
    first = await desk.create(CLERK, {"title": "a", "amount": 1})
    second = await desk.update(CLERK, first, {"amount": 2, "at": {"lng": 105.1, "lat": 36.2, "crs": "CGCS2000"}})
    assert second.version == 2
    row = (await desk.database.fetch("SELECT amount, at_lng7, at_lat7, version, title FROM test_note"))[0]
    assert tuple(row) == (2, 1051000000, 362000000, 2, "a")
    kept = (await desk.database.fetch("SELECT before, after FROM tb_history WHERE action = 'update'"))[0]
    before, after = (orjson.loads(v) for v in kept)
    assert before["amount"] == 1
    assert after["amount"] == 2
    assert after["at"] == {"lng": 105.1, "lat": 36.2, "crs": "CGCS2000"}
    assert "title" not in after


async def test_a_stale_version_is_a_conflict(desk: Desk) -> None:
    first = await desk.create(CLERK, {"title": "a"})
    await desk.update(CLERK, first, {"title": "b"})
    await refused(desk, desk.update(CLERK, first, {"title": "c"}), ConflictError)
    await refused(desk, desk.delete(CLERK, first), ConflictError)
    assert await desk.value("test_note", "title", first.id) == "b"


async def test_parallel_updates_of_one_version_have_one_winner(desk: Desk) -> None:
    first = await desk.create(CLERK, {"title": "a", "amount": 0})
    calls = [desk.update(CLERK, first, {"amount": n}) for n in range(1, 21)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Written) for r in results) == 1
    assert sum(isinstance(r, ConflictError) for r in results) == 19
    assert await desk.counts("tb_history", "tb_outbox") == [2, 2]


async def test_rules_hold_before_and_after_an_update(desk: Desk) -> None:
    mine = await desk.create(AUTHOR, {"title": "a", "owner": "u1"})
    await refused(desk, desk.update(AUTHOR, mine, {"owner": "u2"}), PermissionDeniedError)
    other = await desk.create(BOSS, {"title": "b", "owner": "u2"})
    await refused(desk, desk.update(AUTHOR, other, {"title": "c"}), NotFoundError)
    await refused(desk, desk.update(READER, other, {"title": "c"}), PermissionDeniedError)
    done = await desk.create(BOSS, {"title": "d", "state": "done"})
    await refused(desk, desk.update(OPENER, done, {"title": "e"}), NotFoundError)
    await refused(desk, desk.delete(OPENER, done), NotFoundError)


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    ghost = Written("test.note", OTHER_ID, 1, "create", {})
    await refused(desk, desk.update(CLERK, ghost, {"title": "x"}), NotFoundError)
    await refused(desk, desk.update(CLERK, replace(ghost, id="no-uuid"), {"title": "x"}), NotFoundError)
    gone = await desk.create(CLERK, {"title": "a"})
    deleted = await desk.delete(CLERK, gone)
    await refused(desk, desk.update(CLERK, deleted, {"title": "x"}), NotFoundError)
    await refused(desk, desk.delete(CLERK, deleted), NotFoundError)


async def test_delete_is_refused_while_rows_point_here_or_empties_them(desk: Desk) -> None:
    target = await desk.create(CLERK, {"title": "t"})
    child = await desk.create(CLERK, {"title": "c", "parent": target.id})
    friend = await desk.create(CLERK, {"title": "f", "friend": target.id})
    assert await desk.value("test_note", "parent_title", child.id) == "t"
    await refused(desk, desk.delete(CLERK, target), ConflictError)
    await desk.delete(CLERK, child)
    await desk.delete(CLERK, target)
    assert await desk.value("test_note", "friend_id", friend.id) is None
    assert await desk.value("test_note", "version", friend.id) == 2
    assert await desk.counts("tb_history") == await desk.counts("tb_outbox") == [6]


async def test_a_ref_must_lead_to_a_living_row(desk: Desk) -> None:
    error = await refused(desk, desk.create(CLERK, {"title": "a", "parent": OTHER_ID}), InvalidInputError)
    assert isinstance(error, InvalidInputError)
    assert [(p.path, p.id) for p in error.problems] == [(("input", "parentId"), "ref.not-found")]
    gone = await desk.create(CLERK, {"title": "g"})
    await desk.delete(CLERK, gone)
    await refused(desk, desk.create(CLERK, {"title": "a", "parent": gone.id}), InvalidInputError)
    row = await desk.create(CLERK, {"title": "a"})
    await refused(desk, desk.update(CLERK, row, {"parent": gone.id}), InvalidInputError)


async def test_no_new_child_slips_past_a_deletion(desk: Desk) -> None:
    for round in range(10):
        target = await desk.create(CLERK, {"title": f"t{round}"})
        calls = [desk.create(CLERK, {"title": f"c{round}.{n}", "parent": target.id}) for n in range(4)]
        await asyncio.gather(*calls, desk.delete(CLERK, target), return_exceptions=True)
    orphans = (
        "SELECT count(*) FROM test_note c JOIN test_note p ON p.id = c.parent_id "
        "WHERE c.deleted_at IS NULL AND p.deleted_at IS NOT NULL"
    )
    assert await desk.database.fetch_value(orphans) == 0


async def test_same_key_same_input_is_one_row(desk: Desk) -> None:
    values = {"title": "a", "price": "1.00"}
    first = await desk.create(CLERK, values, idempotency_key="k")
    again = await desk.create(CLERK, values, idempotency_key="k")
    assert (again.id, again.replayed) == (first.id, True)
    await refused(desk, desk.create(CLERK, {**values, "title": "b"}, idempotency_key="k"), ConflictError)
    other = await desk.create(actor("clerk", id="u2"), {"title": "b"}, idempotency_key="k")
    assert other.id != first.id
    assert await desk.counts(*RECORDS) == [2, 2, 2, 2]


async def test_one_account_for_two_people(desk: Desk) -> None:
    """What it did for one principal is no answer to the same request for another."""
    mother, aunt = (replace(CLERK, person=person, agent=PERSON_ID, delegation="d") for person in (OTHER_ID, HOUSE_ID))
    first = await desk.create(mother, {"title": "a"}, idempotency_key="k")
    await refused(desk, desk.create(aunt, {"title": "a"}, idempotency_key="k"), ConflictError)
    await refused(desk, desk.create(CLERK, {"title": "a"}, idempotency_key="k"), ConflictError)
    again = await desk.create(mother, {"title": "a"}, idempotency_key="k")
    assert (again.id, again.replayed) == (first.id, True)


async def test_odd_keys_and_keys_of_strangers_are_refused(desk: Desk) -> None:
    for key in ("", "x" * 201):
        await refused(desk, desk.create(CLERK, {"title": "a"}, idempotency_key=key), InvalidInputError)
    stranger = replace(CLERK, id="", kind="anonymous")
    await refused(desk, desk.create(stranger, {"title": "a"}, idempotency_key="k"), NotAuthenticatedError)
    assert await desk.create(stranger, {"title": "a"})


async def test_a_hundred_parallel_requests_with_one_key_make_one_row(desk: Desk) -> None:
    calls = [desk.create(CLERK, {"title": "a"}, idempotency_key="k") for _ in range(100)]
    results = await asyncio.gather(*calls)
    assert len({r.id for r in results}) == 1
    assert sum(not r.replayed for r in results) == 1
    assert await desk.counts(*RECORDS) == [1, 1, 1, 1]


ORDER = {"house": HOUSE_ID, "category": "water", "reporter": PERSON_ID}


async def order(desk: Desk, who: Actor, **more: Any) -> Written:
    return await desk.create(who, {**ORDER, **more}, "community.repair_order")


async def test_numbers_run_without_doubles_and_division_comes_from_the_house(desk: Desk) -> None:
    made = await asyncio.gather(*(order(desk, RESIDENT) for _ in range(20)))
    numbers = sorted(w.row["case_no"] for w in made)
    assert [n[-7:] for n in numbers] == [f"{n:07}" for n in range(1, 21)]
    assert all(n.startswith("CM640522") for n in numbers)
    assert {w.row["division"] for w in made} == {VILLAGE}
    assert await desk.value("community_repair_order", "case_no", made[0].id) == made[0].row["case_no"]


async def test_create_rules_use_the_rows_refs_and_hidden_targets_do_not_exist(desk: Desk) -> None:
    await refused(desk, order(desk, RESIDENT, reporter=OTHER_ID), PermissionDeniedError, TABLES)
    error = await refused(desk, order(desk, RESIDENT, house=OTHER_ID), InvalidInputError, TABLES)
    assert isinstance(error, InvalidInputError)
    hidden = replace(RESIDENT, id="u9", person=OTHER_ID)
    same = await refused(desk, order(desk, hidden, reporter=OTHER_ID), InvalidInputError, TABLES)
    assert isinstance(same, InvalidInputError)
    assert same.problems[0].message == error.problems[0].message
    await refused(desk, order(desk, ADMIN), PermissionDeniedError, TABLES)


async def test_where_a_hidden_row_lies_is_not_told(desk: Desk) -> None:
    elsewhere = replace(STREET_ADMIN, division="640522200000")
    answers = []
    for house in (HOUSE_ID, OTHER_ID):
        call = desk.create(elsewhere, {"house": house, "category": "water"}, "community.repair_order")
        error = await refused(desk, call, InvalidInputError, TABLES)
        assert isinstance(error, InvalidInputError)
        answers.append(error.problems)
    assert answers[0] == answers[1]


async def test_update_rules_that_walk_refs_are_decided_by_the_database(desk: Desk) -> None:
    made = await order(desk, RESIDENT)
    changed = await desk.update(PROPERTY_STAFF, made, {"details": "已派单"})
    assert await desk.value("community_repair_order", "details", made.id) == "已派单"
    other = replace(PROPERTY_STAFF, org=OTHER_ID)
    await refused(desk, desk.update(other, changed, {"details": "x"}), NotFoundError, TABLES)
    await refused(desk, desk.update(PROPERTY_STAFF, changed, {"state": "done"}), PermissionDeniedError, TABLES)
    await refused(desk, desk.update(RESIDENT, changed, {"details": "x"}), PermissionDeniedError, TABLES)
    assert (await desk.update(STREET_ADMIN, changed, {"state": "done"})).row["state"] == "done"


async def test_a_check_may_refuse_every_kind_of_change(desk: Desk) -> None:
    seen: list[Change] = []

    async def check(change: Change) -> None:
        seen.append(change)
        if len(seen) in (1, 3, 5):
            raise ConflictError("不行")

    strict = Desk(desk.database, desk.world, check=check)
    await refused(strict, strict.create(CLERK, {"title": "a"}), ConflictError)
    row = await strict.create(CLERK, {"title": "a", "price": "1.50"})
    await refused(strict, strict.update(CLERK, row, {"title": "b"}), ConflictError)
    row = await strict.update(CLERK, row, {"title": "b"})
    await refused(strict, strict.delete(CLERK, row), ConflictError)
    await strict.delete(CLERK, row)
    assert [c.action for c in seen] == ["create", "create", "update", "update", "delete", "delete"]
    assert seen[1].after["price"] == "1.50"
    assert (seen[3].before["title"], seen[3].after["title"], seen[3].version) == ("a", "b", 2)
