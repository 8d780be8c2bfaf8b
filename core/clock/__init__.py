"""Statutory time: calendars of working days, limits in the units of laws, due dates and the sentence that explains them."""
