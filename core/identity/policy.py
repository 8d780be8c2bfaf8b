"""How long log-ins last: data of sessions.yaml, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("sessions.yaml")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one kind of account."""

    idle: timedelta
    absolute: timedelta
    #: One more log-in ends the session that was not used for longest.
    sessions_max: int


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    access_s: int
    grace: timedelta
    reuse_known: timedelta
    kinds: Mapping[str, Limits]


@cache
def session_policy() -> SessionPolicy:
    data = yaml.safe_load(FILE.read_text("utf-8"))
    kinds = {
        kind: Limits(timedelta(minutes=d["idle_min"]), timedelta(minutes=d["absolute_min"]), d["sessions_max"])
        for kind, d in data["kinds"].items()
    }
    return SessionPolicy(
        data["access_s"], timedelta(seconds=data["grace_s"]), timedelta(days=data["reuse_known_days"]), kinds
    )
