"""A third opinion: the rules of tests/worlds.py and the meaning of `where`, written again in plain Python over rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from tongban_sdk.actor import Actor

from tests.read.county import Row, county
from tests.worlds import ORG_ID, PERSON_ID

COUNTY = county()
COMPOUNDS = {row["id"]: row for row in COUNTY["community.compound"]}
HOUSES = {row["id"]: row for row in COUNTY["community.house"]}
ORDERS = COUNTY["community.repair_order"]


def _is_of_property(order: Row) -> bool:
    # A rule walks refs as they are stored: whether the compound was deleted meanwhile is not its question.
    compound = COMPOUNDS[HOUSES[order["house_id"]]["compound_id"]]
    return bool(compound["property_org_id"] == ORG_ID)


def _in_town(order: Row) -> bool:
    division = order["division"]
    return division is not None and "640522100000" <= division <= "640522100999999"


#: Which repair orders each role of the world reads; the phone is clear for some.
READS: dict[str, Callable[[Row], bool]] = {
    "anonymous": lambda order: False,
    "resident": lambda order: order["reporter_id"] == PERSON_ID,
    "property_staff": _is_of_property,
    "community_worker": lambda order: order["urgent"] is True,
    "street_admin": _in_town,
    "system_admin": lambda order: True,
}


def visible(actor: Actor) -> list[Row]:
    reads = [READS[role] for role in actor.roles]
    return [order for order in ORDERS if order["deleted_at"] is None and any(read(order) for read in reads)]


def phone_of(actor: Actor, order: Row) -> str | None:
    """The phone as the actor sees it."""
    phone: str | None = order["phone"]
    if phone is None:
        return None
    is_clear = ("resident" in actor.roles and order["reporter_id"] == PERSON_ID) or (
        "property_staff" in actor.roles and _is_of_property(order) and order["state"] not in ("done", None)
    )
    return phone if is_clear else f"{phone[:3]}****{phone[-4:]}"


def sorted_by(rows: list[Row], keys: list[tuple[str, bool]]) -> list[Row]:
    """Null is smallest, texts compare by bytes, the id breaks ties in the direction of the last key."""
    full = [*keys, ("id", keys[-1][1] if keys else False)]

    def compare(a: Row, b: Row) -> int:
        for name, descending in full:
            x, y = _rank(a[name]), _rank(b[name])
            if x != y:
                return (1 if x > y else -1) * (-1 if descending else 1)
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    return (1, value.encode() if isinstance(value, str) else value)
