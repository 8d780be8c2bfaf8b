"""Cases found for a caller: seen, or held for a step."""

from __future__ import annotations

from typing import cast

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError

from core.access.service import service_actor
from core.cases.live import Engine
from core.cases.rows import Case
from core.cases.sight import NUMBER, facts, sight
from core.cases.step import Step
from core.fields.times import utc_now
from core.store.database import Database, Transaction
from core.store.rows import columns, load, lock, read
from core.store.sql import Arg, Env, Params

NO_CASE = "找不到这件办件"


async def find(
    engine: Engine, actor: Actor, number: str, *, source: Database | Transaction | None = None, hold: bool = False
) -> Case:
    """A case the caller sees; NotFoundError for another's as for none: numbers can be guessed."""
    live, params = engine.live(), Params(engine.database.dialect)
    me = await facts(engine, live, actor)
    here = f"c.number = {params.add(Arg(('number',)), NUMBER)} AND {sight(live, actor, params)}"
    text = f"SELECT {columns(Case, 'c')} FROM tb_case c WHERE {here}" + (
        lock(engine.database.dialect, "FOR UPDATE OF c") if hold else ""
    )
    rows = await (source or engine.database).fetch(text, params.bind(Env(me, {"number": number}, utc_now())))
    if not rows:
        raise NotFoundError(NO_CASE)
    return load(engine.database.dialect, Case, rows[0])


async def hold(engine: Engine, tx: Transaction, actor: Actor, number: str, action: str) -> Step:
    """A step of a case the caller sees; nobody else changes the case before the transaction ends."""
    case = await find(engine, actor, number, source=tx, hold=True)
    return await Step.begin(engine, engine.live(), tx, actor, case, action)


async def look(engine: Engine, actor: Actor, number: str) -> Step:
    """A step to look at: nothing is held, and nothing can be written."""
    case = await find(engine, actor, number)
    source = cast(Transaction, engine.database)
    return await Step.begin(engine, engine.live(), source, actor, case, "look", to_write=False)


async def system_step(engine: Engine, tx: Transaction, case_id: str, action: str) -> Step:
    """A step the engine takes itself: a timer has fired, another case has ended."""
    dialect = engine.database.dialect
    found = await read(tx, dialect, Case, "id = {id}" + lock(dialect), id=case_id)
    if not found:
        raise NotFoundError(NO_CASE)
    return await Step.begin(engine, engine.live(), tx, service_actor(found[0].plugin_id), found[0], action)


async def case_of(engine: Engine, id: str) -> Case:
    """By id, for who has seen it already."""
    found = await read(engine.database, engine.database.dialect, Case, "id = {id}", id=id)
    if not found:
        raise NotFoundError(NO_CASE)
    return found[0]
