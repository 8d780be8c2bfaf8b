"""The typed model of bookings (预约): what is booked, how long a place is held, who comes too often too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

from tongban_sdk.problems import Place

from core.manifest.cases import Limit

#: "7K3M-9QXT-2HPA"
NUMBER_CHARS = 14


@dataclass(frozen=True, slots=True)
class Release:
    """When a slot can be booked from: so many days ahead, at a time of the day in +08:00."""

    days_ahead: int
    at: time


@dataclass(frozen=True, slots=True)
class NoShow:
    """Who was missed so often within a time books nothing for a time. Units D, MON, Y."""

    times: int
    within: Limit
    pause: Limit


@dataclass(frozen=True, slots=True)
class BookingKind:
    """One kind of booking: slots of a resource by the clock, or its stock."""

    plugin_id: str
    id: str
    title: str
    #: Entity key whose rows are booked: a hall, a doctor, a product.
    resource: str
    kind: Literal["slot", "stock"]
    #: Units MIN, H.
    hold_for: Limit
    #: Staff who publish, close and check in, where a rule lets the role read the resource.
    roles: tuple[str, ...]
    place: Place
    #: None = bookable as soon as it is published.
    release: Release | None = None
    #: No cancelling later than this before the start, units MIN, H; None = until the start.
    cancel_before: Limit | None = None
    #: Open bookings of one person (of one company) at a time; 0 = any number.
    per_person: int = 1
    #: Places of one booking.
    quantity_max: int = 1
    no_show: NoShow | None = None
    audience: tuple[Literal["person", "legal"], ...] = ("person",)
    real_name: int = 2

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"
