"""Another member of the staff, as far as tasks must know him: roles, unit, division, grids."""

from __future__ import annotations

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotAuthenticatedError

from core.cases.step import Step
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.identity.actors import AccountFacts, Actors


async def colleague(step: Step, staff: str) -> Actor | None:
    """The person as if logged in; None when nobody of that id is in service."""
    try:
        facts = AccountFacts(id="", kind="staff", staff=parse_uuid(staff))
        return (await Actors(step.engine.database.dialect).actor_of(step.tx, facts)).actor
    except (FieldError, NotAuthenticatedError):
        return None
