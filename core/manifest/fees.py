"""The typed model of what people pay for: fees, and how they are billed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tongban_sdk.problems import Place

from core.manifest.cases import Limit

if TYPE_CHECKING:
    from core.expr import Expr
    from core.manifest.model import World

#: 非税 goes to the treasury; 服务 is a price of whoever serves; 代收 is collected for somebody else.
FeeKind = Literal["非税", "服务", "代收"]
Cycle = Literal["month", "quarter", "year"]
#: Entities whose rows can owe.
PAYERS = ("core.person", "core.legal_entity")


@dataclass(frozen=True, slots=True)
class BillRun:
    """One bill per row and period."""

    cycle: Cycle
    #: Which rows; None = all.
    where: Expr | None


@dataclass(frozen=True, slots=True)
class LateFee:
    """滞纳金: a share of what is owed for each day after the due date, never more than `max_percent` of it."""

    percent_per_day: Decimal
    max_percent: int


@dataclass(frozen=True, slots=True)
class FeeRoles:
    """Staff by what they may do with bills of rows that they may read; who may do anything sees them."""

    see: frozenset[str] = frozenset()
    waive: frozenset[str] = frozenset()
    void: frozenset[str] = frozenset()
    refund: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.see | self.waive | self.void | self.refund


@dataclass(frozen=True, slots=True)
class Fee:
    plugin_id: str
    id: str
    title: str
    kind: FeeKind
    entity: str
    #: Over the entity's row: yuan, rounded to the fen.
    amount: Expr
    due: Limit
    place: Place
    #: Ref field that names who owes; "" = the applicant of the case that opens the bill.
    payer: str = ""
    run: BillRun | None = None
    late_fee: LateFee | None = None
    roles: FeeRoles = FeeRoles()

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


def fee_of(world: World, key: str) -> Fee | None:
    """By its full key, "community.property"; None while its plugin is off."""
    plugin_id, _, id = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    return plugin.fees.get(id) if plugin else None
