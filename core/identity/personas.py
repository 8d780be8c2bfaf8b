"""Development personas: who `token --as …` speaks for. Real accounts come from log-in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from tongban_sdk import Actor, NotAuthenticatedError

from core.identity.actors import AccountFacts, Actors
from core.store.database import Database

Persona = Literal["citizen", "staff", "admin"]
#: Known without any data.
PERSONAS: tuple[Persona, ...] = get_args(Persona)
#: Namespace of development accounts.
ACCOUNTS = uuid.UUID("5f3c0f5e-6405-5222-8000-746f6e676261")
ROLES: Mapping[str, frozenset[str]] = {
    "citizen": frozenset({"anonymous", "resident"}),
    "staff": frozenset({"anonymous", "street_admin"}),
    "admin": frozenset({"anonymous", "system_admin"}),
}
PERSON, STAFF = "core.person", "core.staff"
#: What the demo left in the data directory: persona name to {entity, id, division}, of staff also a log-in's `facts`.
FILE = "personas.json"
_FACTS = ("staff", "person", "org", "org_path", "grids")


def persona_names(data_dir: Path) -> tuple[str, ...]:
    """Everybody `build_persona` knows here."""
    return tuple(dict.fromkeys([*PERSONAS, *read_personas(data_dir)]))


def build_persona(name: str, data_dir: Path, *, person: str | None = None, division: str | None = None) -> Actor:
    """An actor with a stable account id: somebody of the demo county, unless another person or division is named."""
    demo = read_personas(data_dir).get(name, {})
    kind = _kind(name, demo)
    if person is None and demo.get("entity") == PERSON:
        person = demo["id"]
    if division is None and kind != "citizen":
        division = demo.get("division")
    account = uuid.uuid5(ACCOUNTS, f"{name}:{person or ''}:{division or ''}")
    facts = demo.get("facts", {})
    roles = frozenset(facts.get("roles", ROLES[kind]))
    # Only a checked document binds an account to a person.
    level = 2 if person and kind == "citizen" else 0
    actor = Actor(id=str(account), kind=kind, person=person, roles=roles, division=division, real_name=level)
    if not facts or division != demo["division"]:
        # Who is sent to another division holds his roles there, but belongs to no unit.
        return actor
    held = {name: facts[name] for name in ("staff", "org", "org_path")}
    return replace(actor, person=person or facts["person"], grids=tuple(facts["grids"]), **held)


def _kind(name: str, demo: Mapping[str, Any]) -> Persona:
    for kind in PERSONAS:
        if name == kind:
            return kind
    return "staff" if demo.get("entity") == STAFF else "citizen"


async def with_facts(database: Database, personas: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, Any]]:
    """Personas of staff with what a log-in would read of their rows; who could not log in stays without."""
    actors, found = Actors(database.dialect), dict[str, Mapping[str, Any]](personas)
    async with database.transaction() as tx:
        for name, row in personas.items():
            if row["entity"] == STAFF:
                try:
                    known = await actors.actor_of(tx, AccountFacts(id=name, kind="staff", staff=row["id"]))
                except NotAuthenticatedError:
                    continue
                facts = {fact: getattr(known.actor, fact) for fact in _FACTS}
                found[name] = {**row, "facts": facts | {"roles": sorted(known.actor.roles)}}
    return found


def read_personas(data_dir: Path) -> Mapping[str, Mapping[str, Any]]:
    path = data_dir / FILE
    found: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write_personas(data_dir: Path, personas: Mapping[str, Mapping[str, Any]]) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / FILE).write_text(json.dumps(personas, ensure_ascii=False), "utf-8")
