"""Development personas: who `token --as …` speaks for. Real accounts come from log-in."""

from __future__ import annotations

import uuid
from typing import Literal, get_args

from tongban_sdk import Actor

Persona = Literal["citizen", "staff", "admin"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)
#: Namespace of development accounts.
ACCOUNTS = uuid.UUID("5f3c0f5e-6405-5222-8000-746f6e676261")
ROLES: dict[Persona, frozenset[str]] = {
    "citizen": frozenset({"anonymous", "resident"}),
    "staff": frozenset({"anonymous", "street_admin"}),
    "admin": frozenset({"anonymous", "system_admin"}),
}


def build_persona(name: Persona, *, person: str | None = None, division: str | None = None) -> Actor:
    """An actor with a stable account id, so that two tokens of one persona are the same account."""
    account = uuid.uuid5(ACCOUNTS, f"{name}:{person or ''}:{division or ''}")
    return Actor(id=str(account), kind=name, person=person, roles=ROLES[name], division=division)
