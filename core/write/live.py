"""A generation, as far as the rooms below the plugins must know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from tongban_sdk.errors import UnavailableError

from core.access import AccessModel
from core.manifest.model import World
from core.write.writer import Writer

Choice = Literal["on", "draining", "off"]


class Live(Protocol):
    """What stands now; taken once per request."""

    @property
    def world(self) -> World: ...
    @property
    def access(self) -> AccessModel: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def states(self) -> Mapping[str, Any]: ...
    def choice(self, plugin_id: str, division: str) -> Choice:
        """What the operator chose for an application there."""
        ...


def check_runs(live: Live, plugin_id: str, division: str) -> None:
    """UnavailableError where the application is switched off; one that drains finishes what is open. New rows are
    refused by the writer in either case."""
    if plugin_id not in live.world.plugins or live.choice(plugin_id, division) == "off":
        raise UnavailableError("办理这件事的应用没有启用", retry_after_s=60)
