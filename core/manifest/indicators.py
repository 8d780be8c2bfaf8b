"""The typed model of indicators: numbers a department answers for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tongban_sdk.problems import Place

if TYPE_CHECKING:
    from core.expr import Expr

Cycle = Literal["day", "week", "month", "year"]
#: Groups of persons smaller than this are told as "<10".
PERSONS_MIN = 10


@dataclass(frozen=True, slots=True)
class Indicator:
    """A declared aggregate: count, or sum/avg of a field, over an entity's rows or its cases, and the share of them."""

    plugin_id: str
    id: str
    title: str
    #: Entity key, or "cases": those of the plugin, for the core those of all.
    over: str
    measure: Literal["count", "sum", "avg", "share"]
    place: Place
    #: period: rows whose `time_field` lies in it. moment: rows as they are at its end.
    kind: Literal["period", "moment"] = "period"
    #: date or datetime; "" for moments.
    time_field: str = ""
    #: What is summed or averaged, and its digits after the point.
    number_field: str = ""
    scale: int = 0
    where: Expr | None = None
    #: share: of those that match `where`, how many match this; where it is unknown a row counts in neither.
    of: Expr | None = None
    group_by: str = ""
    unit: str = ""
    good: Literal["up", "down"] = "up"
    cycle: Cycle = "day"
    target: float | None = None
    #: Alarm when worse than this for `alarm_after` finished cycles in a row; None = none.
    alarm_at: float | None = None
    alarm_to: str = ""
    alarm_after: int = 1
    #: Roles that see it where they work, `alarm_to` included.
    readers: frozenset[str] = frozenset()
    is_public: bool = False
    #: Rows about persons: small groups are not told.
    is_about_persons: bool = True
    #: Of all that decides about the number: what was counted by another definition is another number.
    hash: str = ""

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"

    @property
    def group_min(self) -> int:
        """Rows a group must have to be told."""
        return PERSONS_MIN if self.is_about_persons else 1

    def is_worse(self, value: float, than: float) -> bool:
        return value < than if self.good == "up" else value > than
