"""What an operator sees of a plugin and of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

#: What an operator chooses.
Chosen = Literal["on", "draining", "off"]
#: What came of it.
State = Literal["on", "draining", "off", "invalid", "waiting", "quarantined", "failed"]
CHOICES: tuple[Chosen, ...] = get_args(Chosen)


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One plugin on this node. `reason` is Chinese and empty while all is well."""

    plugin_id: str
    state: State
    title: str = ""
    version: str = ""
    reason: str = ""
    #: in-tree | configured | installed
    source: str = ""
    folder: Path | None = None
    #: Choices that hold in one division only: 12-digit code → choice.
    divisions: Mapping[str, Chosen] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.state in ("on", "draining", "quarantined")

    def quarantined_for(self, reason: str) -> PluginStatus:
        """The same plugin while its Python is not called; itself without a reason or when it does not run."""
        if not reason or self.state not in ("on", "draining"):
            return self
        return replace(self, state="quarantined", reason=reason)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.plugin_id,
            "state": self.state,
            "title": self.title,
            "version": self.version,
            "reason": self.reason,
            "source": self.source,
            "divisions": dict(self.divisions),
        }


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One running process, as it last reported."""

    node_id: str
    generation: int
    manifest_hash: str
    schema_hash: str
    seen_at: datetime
    #: Plugin id → why this process does not call its Python at present.
    quarantined: Mapping[str, str] = field(default_factory=dict)
