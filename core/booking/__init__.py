"""Bookings (预约): places of a resource, held, confirmed, given back, and never oversold."""

from core.booking.bookings import Bookings
from core.booking.for_cases import Claimant
from core.booking.holding import Wish
from core.booking.looking import Seen
from core.booking.plans import Plan
from core.booking.rights import Owner
from core.booking.rows import Booking, Slot

__all__ = ["Booking", "Bookings", "Claimant", "Owner", "Plan", "Seen", "Slot", "Wish"]
