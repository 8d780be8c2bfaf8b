"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["anonymous", "citizen", "staff", "admin", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller, as every rule sees it (`me` in expressions). Built by the host from a token, never by a plugin."""

    #: Stable id of the account; "" for the anonymous actor.
    id: str = ""
    kind: ActorKind = "anonymous"
    #: core.person id of a citizen, or of the person behind a staff account.
    person: str | None = None
    #: Role ids; always contains "anonymous".
    roles: frozenset[str] = frozenset({"anonymous"})
    #: core.org_unit id and its path ("/640522/mz/jz/", ends with a slash).
    org: str | None = None
    org_path: str | None = None
    #: 12-digit division whose subtree the actor works for.
    division: str | None = None
    #: 15-digit grids assigned.
    grids: tuple[str, ...] = ()


ANONYMOUS = Actor()
