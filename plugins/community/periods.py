"""What has a beginning and an end ends after it begins."""

from __future__ import annotations

from datetime import datetime

from tongban_sdk import Change, InputProblem, InvalidInputError

#: Entity key to its (beginning, end) fields.
PERIODS = {
    "community.visitor": ("starts_at", "ends_at"),
    "community.notice": ("publish_at", "expire_at"),
}


def check_period(change: Change) -> None:
    """Refuse an end that is not after its beginning; a missing one is no period."""
    begin, end = PERIODS.get(change.entity, ("", ""))
    starts, ends = change.after.get(begin), change.after.get(end)
    if starts and ends and datetime.fromisoformat(ends) <= datetime.fromisoformat(starts):
        problem = InputProblem(("input", end), "结束时间应晚于开始时间", "community.period")
        raise InvalidInputError("结束时间应晚于开始时间", [problem])
