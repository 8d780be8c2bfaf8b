"""Pages of the core's own lists."""

from __future__ import annotations

from tongban_sdk import InputProblem, InvalidInputError

from core.api.scalars import PAGE_SIZE_MAX


def check_first(first: int) -> int:
    """InvalidInputError for a page no list has."""
    if not 1 <= first <= PAGE_SIZE_MAX:
        message = f"应为 1 到 {PAGE_SIZE_MAX} 的整数"
        raise InvalidInputError("填写的内容有误", [InputProblem(("first",), message, "page.first")])
    return first
