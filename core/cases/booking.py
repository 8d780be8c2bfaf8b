"""Bookings of a case: a step confirms the hold its applicant named, and a case that comes to nothing gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.booking import Bookings, Claimant, Owner
from core.cases.cases import Cases
from core.cases.step import Step
from core.store.database import Transaction

#: Ends after which nobody comes.
IN_VAIN = ("refused", "withdrawn", "merged")


def book(cases: Cases, bookings: Bookings) -> None:
    """Join both rooms."""

    async def slot(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        number = str((await step.read_row()).get(args["field"]) or "")
        do = {"confirm": bookings.confirm_in, "release": bookings.release_in}[args["do"]]
        await do(tx, step.actor, _claimant(step), number)

    async def ended(step: Step) -> None:
        if step.case.phase in IN_VAIN:
            await bookings.release_all_in(step.tx, step.actor, step.case.number)

    cases.effects.register("slot", slot)
    cases.effects.ended.append(ended)


def _claimant(step: Step) -> Claimant:
    case = step.case
    owner = Owner(None, case.legal_entity) if case.legal_entity else Owner(case.applicant, None)
    return Claimant(case.number, case.plugin_id, owner)
