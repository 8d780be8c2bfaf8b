"""Paths of trees follow the rows above, whatever moves; nothing closes a circle."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError

from core.access import AccessModel
from core.manifest.model import World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer, Written
from tests.worlds import entity, plugin, rule

UNIT = entity(
    "test",
    "unit",
    {
        "code": {"type": "string", "required": True, "unique": True},
        "parent": {"type": "ref", "to": "unit"},
        "path": {"type": "path", "parent": "parent", "segment": "code", "required": True, "unique": True},
        "note": {"type": "string"},
    },
)
RULES = [
    rule("clerk", UNIT, "read create update delete"),
    rule("local", UNIT, "read create update", "under(path, me.org_path)", number=1),
]
WORLD = World({"test": plugin("test", [UNIT], RULES)})
CLERK = Actor("u1", "staff", roles=frozenset({"anonymous", "clerk"}))
LOCAL = Actor("u2", "staff", roles=frozenset({"anonymous", "local"}), org_path="/a/b/")


class Tree:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database, WORLD, AccessModel(WORLD))

    async def add(self, code: str, parent: Written | None = None, who: Actor = CLERK) -> Written:
        return await self.writer.create(who, UNIT, {"code": code, **({"parent": parent.id} if parent else {})})

    async def update(self, unit: Written, **patch: Any) -> Written:
        return await self.writer.update(CLERK, UNIT, unit.id, unit.version, patch)

    async def paths(self) -> dict[str, str]:
        return dict(tuple(row) for row in await self.database.fetch("SELECT code, path FROM test_unit ORDER BY path"))

    async def count(self, table: str) -> int:
        return int(await self.database.fetch_value(f"SELECT count(*) FROM {table}"))


@pytest.fixture
async def tree(database: Database) -> Tree:
    await migrate(database, tables_of(WORLD))
    return Tree(database)


async def grown(tree: Tree) -> dict[str, Written]:
    """a > b > c > d, beside it e."""
    a = await tree.add("a")
    b = await tree.add("b", a)
    c = await tree.add("c", b)
    return {"a": a, "b": b, "c": c, "d": await tree.add("d", c), "e": await tree.add("e")}


async def test_a_new_row_stands_below_its_parent(tree: Tree) -> None:
    units = await grown(tree)
    assert await tree.paths() == {"a": "/a/", "b": "/a/b/", "c": "/a/b/c/", "d": "/a/b/c/d/", "e": "/e/"}
    assert units["d"].row["path"] == "/a/b/c/d/"


async def test_nobody_writes_a_path(tree: Tree) -> None:
    with pytest.raises(InvalidInputError):
        await tree.writer.create(CLERK, UNIT, {"code": "x", "path": "/y/"})
    assert await tree.paths() == {}


async def test_a_rule_about_the_path_holds_for_the_row_that_is_made(tree: Tree) -> None:
    units = await grown(tree)
    made = await tree.add("f", units["b"], LOCAL)
    assert made.row["path"] == "/a/b/f/"
    with pytest.raises(Exception, match=r"没有权限|找不到"):
        await tree.add("g", units["e"], LOCAL)
    assert "g" not in await tree.paths()


async def test_a_subtree_moves_with_its_root(tree: Tree) -> None:
    units = await grown(tree)
    moved = await tree.update(units["b"], parent=units["e"].id)
    assert moved.row["path"] == "/e/b/"
    assert await tree.paths() == {"a": "/a/", "e": "/e/", "b": "/e/b/", "c": "/e/b/c/", "d": "/e/b/c/d/"}
    versions = await tree.database.fetch("SELECT code, version FROM test_unit WHERE version > 1")
    assert [tuple(row) for row in versions] == [("b", 2)]
    assert await tree.count("tb_history") == 6


async def test_a_new_name_and_the_way_to_the_root(tree: Tree) -> None:
    units = await grown(tree)
    renamed = await tree.update(units["b"], code="bb")
    assert (await tree.paths())["d"] == "/a/bb/c/d/"
    await tree.update(renamed, parent=None)
    assert await tree.paths() == {"a": "/a/", "bb": "/bb/", "c": "/bb/c/", "d": "/bb/c/d/", "e": "/e/"}


@pytest.mark.parametrize("below", ["a", "b", "d"])
async def test_no_row_goes_below_itself(tree: Tree, below: str) -> None:
    units = await grown(tree)
    before = await tree.paths()
    with pytest.raises(InvalidInputError) as caught:
        await tree.update(units["a"], parent=units[below].id)
    assert [(p.path, p.id) for p in caught.value.problems] == [(("patch", "parentId"), "path.circle")]
    assert await tree.paths() == before
    assert await tree.count("tb_history") == 5


async def test_similar_names_do_not_move_along(tree: Tree) -> None:
    a = await tree.add("a")
    await tree.add("ab")
    await tree.add("a-b")
    await tree.add("x", a)
    await tree.update(a, code="z")
    assert await tree.paths() == {"a-b": "/a-b/", "ab": "/ab/", "z": "/z/", "x": "/z/x/"}


@pytest.mark.parametrize("code", ["a/b", "市", "a b", ".", "x" * 65])
async def test_a_segment_that_is_no_name_is_refused(tree: Tree, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await tree.add(code)
    assert [(p.path, p.id) for p in caught.value.problems] == [(("input", "code"), "path.segment")]
    assert await tree.paths() == {}


async def test_a_tree_too_deep_is_refused_before_anything_moves(tree: Tree) -> None:
    top = await tree.add("t" * 64)
    last = top
    for number in range(13):
        last = await tree.add(f"{number:064}", last)
    other = await tree.add("o" * 64)
    other = await tree.add("p" * 64, other)
    before = await tree.paths()
    with pytest.raises(InvalidInputError) as caught:
        await tree.update(top, parent=other.id)
    assert [p.id for p in caught.value.problems] == ["path.too-long"]
    assert await tree.paths() == before


async def test_a_parent_that_is_gone(tree: Tree) -> None:
    units = await grown(tree)
    await tree.writer.delete(CLERK, UNIT, units["e"].id, 1)
    with pytest.raises(InvalidInputError) as caught:
        await tree.add("f", units["e"])
    assert [(p.path, p.id) for p in caught.value.problems] == [(("input", "parentId"), "ref.not-found")]
    with pytest.raises(ConflictError):
        await tree.writer.delete(CLERK, UNIT, units["c"].id, 1)


async def test_moves_at_the_same_moment_close_no_circle(tree: Tree) -> None:
    one, two = await tree.add("one"), await tree.add("two")
    results = await asyncio.gather(
        tree.update(one, parent=two.id), tree.update(two, parent=one.id), return_exceptions=True
    )
    assert [type(result) for result in results].count(InvalidInputError) == 1
    assert sorted((await tree.paths()).values()) in (["/one/", "/one/two/"], ["/two/", "/two/one/"])


async def test_rows_made_below_a_moving_row_are_where_it_is(tree: Tree) -> None:
    """However the database takes them in turn."""
    units = await grown(tree)
    await asyncio.gather(
        tree.update(units["b"], parent=units["e"].id), *(tree.add(f"n{number}", units["c"]) for number in range(8))
    )
    paths = await tree.paths()
    assert {paths[f"n{number}"] for number in range(8)} == {f"/e/b/c/n{number}/" for number in range(8)}
