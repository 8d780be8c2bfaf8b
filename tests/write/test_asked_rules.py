"""Rules that ask tables decide writes, too: in the database, in the writing transaction; a refusal leaves nothing."""

from __future__ import annotations

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError, PermissionDeniedError

from core.access import AccessModel
from core.manifest.model import World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer
from tests.expr.tables import ACTORS, CORE, LINE, ORDER, PERSON, fill, uuid
from tests.worlds import plugin, rule

WARD = 'owner.guardian_links.exists(g, g.guardian == me.person && g.state == "verified")'
RULES = (
    rule("officer", ORDER, "read create update delete", "in_org(org)", number=1),
    rule("helper", ORDER, "read update", "participates(case_no)", number=2),
    rule("guardian", ORDER, "read create", WARD, number=3),
    rule("guardian", PERSON, "read"),
    rule("packer", ORDER, "read update", "lines.exists(l, l.done)", number=4),
)  # fmt: skip
WORLD = World({"core": CORE, "shop": plugin("shop", (ORDER, LINE), RULES)})
BUREAU, COUNTY = ACTORS[1], ACTORS[2]
COUNTS = "SELECT (SELECT count(*) FROM shop_order) * 1000 + (SELECT count(*) FROM tb_history)"


def as_(role: str, actor: Actor) -> Actor:
    return Actor(actor.id, "staff", actor.person, frozenset({role}), actor.org, actor.org_path, staff=actor.staff)


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database, WORLD, AccessModel(WORLD))

    async def state(self) -> list[object]:
        return [
            await self.database.fetch_value(COUNTS),
            await self.database.fetch("SELECT id, version, state FROM shop_order ORDER BY id", []),
        ]


@pytest.fixture
async def desk(database: Database) -> Desk:
    await fill(database)
    await migrate(database, tables_of(WORLD))
    return Desk(database)


async def test_a_row_is_made_in_one_s_own_part_of_the_tree_only(desk: Desk) -> None:
    written = await desk.writer.create(as_("officer", BUREAU), ORDER, {"state": "new"})
    assert written.row["org"] == uuid(1, 2)
    before = await desk.state()
    lost = Actor("u1", "staff", None, frozenset({"officer"}), uuid(1, 5), "/hy/mz/")
    with pytest.raises(PermissionDeniedError):
        await desk.writer.create(lost, ORDER, {"state": "new"})
    assert await desk.state() == before


@pytest.mark.parametrize(
    ("actor", "number", "error"),
    [
        (as_("officer", BUREAU), 3, None),
        (as_("officer", BUREAU), 4, NotFoundError),
        (as_("officer", COUNTY), 4, None),
        (as_("officer", ACTORS[0]), 1, NotFoundError),
        (as_("helper", BUREAU), 1, None),
        (as_("helper", BUREAU), 2, NotFoundError),
        (as_("helper", COUNTY), 1, NotFoundError),
        (as_("packer", BUREAU), 1, None),
        (as_("packer", BUREAU), 3, NotFoundError),
    ],
)
async def test_who_may_change_a_row(desk: Desk, actor: Actor, number: int, error: type[Exception] | None) -> None:
    before = await desk.state()
    if error is None:
        written = await desk.writer.update(actor, ORDER, uuid(6, number), 1, {"state": "seen"})
        assert (written.version, written.row["state"]) == (2, "seen")
    else:
        with pytest.raises(error):
            await desk.writer.update(actor, ORDER, uuid(6, number), 1, {"state": "seen"})
        assert await desk.state() == before


async def test_nobody_writes_a_row_out_of_his_reach(desk: Desk) -> None:
    before = await desk.state()
    # Case A1 is his, case A2 is over: he may not hand the row on to where he could not have changed it.
    with pytest.raises(PermissionDeniedError):
        await desk.writer.update(as_("helper", BUREAU), ORDER, uuid(6, 1), 1, {"case_no": "A2"})
    assert await desk.state() == before


async def test_a_guardian_writes_for_the_ward_alone(desk: Desk) -> None:
    guardian = as_("guardian", BUREAU)
    written = await desk.writer.create(guardian, ORDER, {"owner": uuid(2, 1), "state": "new"})
    assert written.row["owner"] == uuid(2, 1)
    before = await desk.state()
    for other in (uuid(2, 3), uuid(2, 0)):
        with pytest.raises(PermissionDeniedError):
            await desk.writer.create(guardian, ORDER, {"owner": other, "state": "new"})
    assert await desk.state() == before
