"""Errors a plugin may raise. A client sees the RequestError family only; anything else is a bug and is masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class HostError(Exception):
    """Root of every error the host or a plugin raises on purpose."""

    code: ClassVar[str] = "INTERNAL"


class RequestError(HostError):
    """The caller can act on it. `code` is stable; `message` is Chinese and safe to show to a citizen."""

    code: ClassVar[str] = "BAD_REQUEST"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class InputProblem:
    """One thing wrong with one value of an input."""

    #: Path inside the input, e.g. ("input", "phone").
    path: tuple[str | int, ...]
    #: What is wrong, in Chinese, without repeating personal data.
    message: str
    #: Stable id, e.g. "idno.checksum".
    id: str


class InvalidInputError(RequestError):
    """Some values of the input are wrong; `problems` lists all of them."""

    code = "INVALID_INPUT"

    def __init__(self, message: str, problems: Sequence[InputProblem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class NotAuthenticatedError(RequestError):
    """No token, or one that no longer holds."""

    code = "NOT_AUTHENTICATED"


class PermissionDeniedError(RequestError):
    """The actor has no rule that allows this. Says nothing about whether the row exists."""

    code = "PERMISSION_DENIED"


class NotFoundError(RequestError):
    """No such row, or none this actor may see."""

    code = "NOT_FOUND"


class ConflictError(RequestError):
    """The row changed meanwhile, a unique value is taken, or an idempotency key was used for something else."""

    code = "CONFLICT"


class RateLimitedError(RequestError):
    """Too many requests from this actor or address."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(RequestError):
    """A part the answer needs is down, switched off or draining."""

    code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
