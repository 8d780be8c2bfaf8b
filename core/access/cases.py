"""Somebody is put on a case only by whoever sees that case: who takes part in it sees what it holds."""

from __future__ import annotations

from tongban_sdk.changes import Change
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.access.asks import PARTICIPANT
from core.access.visibility import Visibility


async def check_case(visibility: Visibility, change: Change) -> None:
    """Refuse a participant of a case that is unknown or that the writer neither sees nor takes part in."""
    if change.entity != PARTICIPANT or change.action == "delete" or change.actor.kind == "system" or _ends(change):
        return
    number = str(change.after.get("case_no") or "")
    # Another's case and none look alike: numbers can be guessed, so nobody learns which ones are in use.
    if not await visibility.sees_case(change.actor, number):
        path = ("input" if change.action == "create" else "patch", "caseNo")
        raise InvalidInputError("填写的内容有误", [InputProblem(path, "没有这件办件，或者与您无关", "case.unknown")])


def _ends(change: Change) -> bool:
    """Taking somebody off a case gives nothing away."""
    new, old = change.after.get("until"), change.before.get("until")
    is_alone = all(change.before.get(name) == value for name, value in change.after.items() if name != "until")
    return change.action == "update" and is_alone and new is not None and (old is None or new <= old)
