"""A citizen's cases, or a company's: the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotAuthenticatedError

from core.access import me_of
from core.cases.live import Engine
from core.cases.paging import Page, check_first, page, read_cursor
from core.cases.rows import Case
from core.cases.sight import PARTIES, scopes
from core.fields.column import Column
from core.fields.times import utc_now
from core.store.case_tables import CASE
from core.store.rows import columns, load
from core.store.sql import Arg, Env, Me, Params

Which = Literal["all", "open", "closed"]
_UUID = Column("value", "uuid")
_WHICH = {"all": "TRUE", "open": "c.closed_at IS NULL", "closed": "c.closed_at IS NOT NULL"}


async def mine(
    engine: Engine, actor: Actor, *, which: Which = "all", first: int = 20, after: str | None = None
) -> Page[Case]:
    """Filed by or for the caller (or her principal, within the scopes), or joined by her as a reporter or signer."""
    check_first(first)
    if actor.kind == "anonymous":
        raise NotAuthenticatedError("请先登录")
    params, place = Params(engine.database.dialect), read_cursor(after) if after else None
    ways = list(_ways(actor, params))
    if not ways:
        return Page((), None)
    filters = [_WHICH[which], *([scopes(params, "c")] if actor.agent is not None else []), *_after(params, place)]
    where = " AND ".join(filters)
    # Each way is read by its own index; a case found by two of them is listed once.
    ids = " UNION ".join(
        f"SELECT * FROM (SELECT c.id, c.filed_at FROM tb_case c {way} AND {where} "
        f"ORDER BY c.filed_at DESC, c.id DESC LIMIT {first + 1}) w{number}"
        for number, way in enumerate(ways)
    )
    text = (
        f"SELECT {columns(Case, 'c')} FROM tb_case c JOIN ({ids}) i ON i.id = c.id "
        f"ORDER BY c.filed_at DESC, c.id DESC LIMIT {first + 1}"
    )
    args: dict[str, Any] = {"at": place[0], "last": place[1]} if place else {}
    rows = await engine.database.fetch(text, params.bind(Env(me_of(actor), args, utc_now())))
    found = [load(engine.database.dialect, Case, row) for row in rows]
    last = found[first - 1] if len(found) >= first else None
    return page(found, first, (last.filed_at, last.id) if last else None)


def _ways(actor: Actor, params: Params) -> Iterator[str]:
    if actor.legal_entity is not None:
        yield f"WHERE c.legal_entity = {params.add(Me('legal_entity'), _UUID)}"
    elif actor.person is not None:
        person = params.add(Me("person"), _UUID)
        yield f"WHERE c.applicant = {person} AND c.legal_entity IS NULL"
        yield f"JOIN tb_case_party p ON p.case_id = c.id WHERE p.person = {person} AND p.kind IN {PARTIES}"


def _after(params: Params, place: tuple[Any, str] | None) -> Iterator[str]:
    if place is not None:
        at, id = params.add(Arg(("at",)), CASE.by_name["filed_at"]), params.add(Arg(("last",)), CASE.by_name["id"])
        yield f"c.filed_at <= {at} AND (c.filed_at < {at} OR c.id < {id})"
