"""Development personas: who `token --as …` speaks for. Real accounts come from log-in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
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
#: What the demo left in the data directory: persona name to {entity, id, division}.
FILE = "personas.json"


def build_persona(name: Persona, data_dir: Path, *, person: str | None = None, division: str | None = None) -> Actor:
    """An actor with a stable account id: somebody of the demo county, unless another person or division is named."""
    demo = read_personas(data_dir).get(name, {})
    if person is None and demo.get("entity") == "core.person":
        person = demo["id"]
    if division is None and name != "citizen":
        division = demo.get("division")
    account = uuid.uuid5(ACCOUNTS, f"{name}:{person or ''}:{division or ''}")
    return Actor(id=str(account), kind=name, person=person, roles=ROLES[name], division=division)


def read_personas(data_dir: Path) -> Mapping[str, Mapping[str, str]]:
    path = data_dir / FILE
    found: Mapping[str, Mapping[str, str]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write_personas(data_dir: Path, personas: Mapping[str, Mapping[str, str]]) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / FILE).write_text(json.dumps(personas, ensure_ascii=False), "utf-8")
