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
    #: core.staff id of a civil servant.
    staff: str | None = None
    #: core.legal_entity id a legal person's operator acts for.
    legal_entity: str | None = None
    #: How well a citizen is known: 0 not, 1 phone, 2 identity document checked, 3 face or in person.
    real_name: int = 0
    #: core.person id of whoever acts for `person` under a delegation; None when people act for themselves.
    agent: str | None = None
    #: Id of that delegation, and the plugins it covers.
    delegation: str | None = None
    scopes: tuple[str, ...] = ()
    #: Id of the log-in session; "" for development tokens and the system.
    session: str = ""


ANONYMOUS = Actor()
