"""Root fields made from manifests: what the API composes and the reader answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.manifest.model import Entity

RootKind = Literal["get", "list", "stats", "create", "update", "delete"]
READS: frozenset[RootKind] = frozenset({"get", "list", "stats"})


@dataclass(frozen=True, slots=True)
class RootField:
    """One root field. Sits in the GraphQL field's extensions as "root"."""

    kind: RootKind
    entity: Entity
