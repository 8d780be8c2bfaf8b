"""What a caller must be before anything else is asked."""

from __future__ import annotations

from tongban_sdk import Actor, NotAuthenticatedError, PermissionDeniedError


def require_login(actor: Actor) -> Actor:
    """NotAuthenticatedError for who is nobody."""
    if not actor.id:
        raise NotAuthenticatedError("请先登录")
    return actor


def require_role(actor: Actor, roles: frozenset[str], refusal: str) -> None:
    """PermissionDeniedError with these words for who has none of the roles."""
    if not require_login(actor).roles & roles:
        raise PermissionDeniedError(refusal)
