"""What people write with a step: there, and not too long."""

from __future__ import annotations

from tongban_sdk.errors import InputProblem, InvalidInputError

WORDS_MAX_CHARS = 1000


def words(text: str, missing: str) -> str:
    """The text without the space around it. InvalidInputError saying `missing` when nothing is left."""
    text = text.strip()
    if not text:
        raise InvalidInputError(missing, [InputProblem(("reason",), missing, "case.reason")])
    if len(text) > WORDS_MAX_CHARS:
        message = f"至多 {WORDS_MAX_CHARS} 个字"
        raise InvalidInputError(message, [InputProblem(("reason",), message, "case.reason-long")])
    return text
