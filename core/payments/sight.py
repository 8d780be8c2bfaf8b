"""Who sees which bills and payments: conditions over tb_bill and tb_payment, asked by every door."""

from __future__ import annotations

from collections.abc import Iterator

from tongban_sdk.actor import Actor

from core.access.scope import EntityScope
from core.expr.clock import china_day
from core.fields.column import Column
from core.manifest.fees import Fee
from core.payments.house import House
from core.store.dialect import quote
from core.store.sql import Const, Me, Params
from core.write.live import Live

_TEXT, _UUID, _DATE = Column("value", "text"), Column("value", "uuid"), Column("value", "date")
LINK = "core.guardian_link"


def own(house: House, live: Live, actor: Actor, params: Params, alias: str) -> str:
    """SQL over tb_bill: what the caller owes, or the company he operates, the principal within the scopes, a ward."""
    payers = _payers(house, live, actor, params, alias)
    if actor.agent is None:
        return payers
    return f"({payers} AND {_scopes(params, alias)})"


def own_payment(house: House, live: Live, actor: Actor, params: Params, alias: str) -> str:
    """The same over tb_payment: a delegate sees those all of whose bills he sees."""
    payers = _payers(house, live, actor, params, alias)
    if actor.agent is None:
        return payers
    strange = (
        f"SELECT 1 FROM tb_payment_bill q JOIN tb_bill b ON b.id = q.bill_id WHERE q.payment_id = {alias}.id "
        f"AND NOT {_scopes(params, 'b')}"
    )
    return f"({payers} AND NOT EXISTS ({strange}))"


def _payers(house: House, live: Live, actor: Actor, params: Params, alias: str) -> str:
    if actor.kind != "citizen":
        return "FALSE"
    if actor.legal_entity is not None:
        return f"{alias}.legal_entity = {params.add(Me('legal_entity'), _UUID)}"
    if actor.person is None:
        return "FALSE"
    person = params.add(Me("person"), _UUID)
    ways = [f"{alias}.person = {person}"]
    if actor.agent is None and live.world.entity(LINK) is not None:
        today = params.add(Const(china_day(house.clock())), _DATE)
        ways.append(
            f"{alias}.person IN (SELECT l.ward_id FROM core_guardian_link l WHERE l.guardian_id = {person} "
            f"AND l.state = 'verified' AND l.deleted_at IS NULL AND (l.until IS NULL OR l.until > {today}))"
        )
    return f"({' OR '.join(ways)})"


def _scopes(params: Params, alias: str) -> str:
    """What the delegation covers: plugins, or single entities of them."""
    scopes = params.add(Me("scopes"), _TEXT, many=True)
    return f"({' OR '.join(params.dialect.in_list(f'{alias}.{n}', scopes, _TEXT) for n in ('plugin_id', 'entity'))})"


def staffs(live: Live, actor: Actor, fee: Fee, params: Params, alias: str) -> str | None:
    """SQL over tb_bill: those of a fee whose row a rule of the fee's own roles lets the caller read; None = none."""
    entity = live.world.entity(fee.entity)
    if entity is None or actor.kind != "staff" or actor.agent is not None or not actor.roles & fee.roles.all:
        return None
    scope = EntityScope(live.world, entity, "r", params)
    # What everybody may read makes nobody the keeper of its bills.
    rules = live.access.rules(actor.roles & fee.roles.all, entity.key, "read")
    predicate = live.access.row_predicate(rules, scope)
    if predicate is None:
        return None
    # A row that was deleted still owes what it owed.
    row = f"EXISTS (SELECT 1 FROM {quote(entity.table)} r WHERE r.id = {alias}.row_id AND {predicate})"
    return f"({alias}.fee = {params.add(Const(fee.key), _TEXT)} AND {row})"


def fees_of(live: Live, actor: Actor) -> Iterator[Fee]:
    """Fees the caller has to do with."""
    for plugin in live.world.plugins.values():
        yield from (fee for fee in plugin.fees.values() if actor.roles & fee.roles.all)
