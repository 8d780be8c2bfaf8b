"""Statutory time: calendars of working days, limits in the units of laws, due dates and the sentence that explains
them."""

from core.clock.calendar import Calendar
from core.clock.calendars import Calendars
from core.clock.clock import Clock
from core.clock.days import Day, Stretch
from core.clock.due import Due, due, passed_ms, share, shares
from core.clock.explain import explain

__all__ = ["Calendar", "Calendars", "Clock", "Day", "Due", "Stretch", "due", "explain", "passed_ms", "share", "shares"]
