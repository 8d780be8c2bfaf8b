"""Cases with an open ticket (督办), for those who see them: leaders, who has the case, its unit."""

from __future__ import annotations

from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError

from core.cases.live import Engine
from core.cases.paging import check_first
from core.cases.rows import Case
from core.cases.sight import facts, sight
from core.fields.times import utc_now
from core.store.rows import columns, load
from core.store.sql import Env, Params


async def supervised(engine: Engine, actor: Actor, *, first: int = 50) -> list[Case]:
    """Those whose ticket is due first come first."""
    check_first(first)
    if actor.staff is None:
        raise PermissionDeniedError("督办单只对工作人员开放")
    live, params = engine.live(), Params(engine.database.dialect)
    me = await facts(engine, live, actor)
    text = (
        f"SELECT {columns(Case, 'c')} FROM tb_supervision s JOIN tb_case c ON c.id = s.case_id "
        f"WHERE s.closed_at IS NULL AND {sight(live, actor, params)} ORDER BY s.due_at, s.id LIMIT {first}"
    )
    rows = await engine.database.fetch(text, params.bind(Env(me, {}, utc_now())))
    return [load(engine.database.dialect, Case, row) for row in rows]
