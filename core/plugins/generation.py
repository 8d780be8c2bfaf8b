"""One consistent state of the host: built off to the side, never changed, swapped in one assignment."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tongban_sdk.actor import Actor
from tongban_sdk.host_api import GraphqlTypes, HostApi

from core.access import AccessModel
from core.jobs.jobs import Plan
from core.manifest.model import Plugin, World
from core.plugins.hooks import Hooks
from core.plugins.status import PluginStatus
from core.read import Reader
from core.write import Writer

if TYPE_CHECKING:
    from core.plugins.registry import Registry


class Schema(Protocol):
    """What `compose` makes: a strawberry schema, as far as this room must know it."""

    def as_str(self) -> str: ...


class Compose(Protocol):
    """core/api/compose.py, handed in from above: types of manifests and of plugins' Python become one schema."""

    def __call__(self, world: World, types: Mapping[str, GraphqlTypes]) -> Awaitable[Any]: ...


@dataclass(frozen=True, eq=False)
class Generation:
    """What a request sees from its first to its last line, whatever is switched meanwhile."""

    number: int
    world: World
    states: Mapping[str, PluginStatus]
    access: AccessModel
    reader: Reader
    writer: Writer
    schema: Any
    hooks: Hooks
    manifest_hash: str
    schema_hash: str
    plan: Plan
    registry: Registry

    def host_api(self, actor: Actor) -> HostApi:
        """The host as plugin code sees it, under the rights of `actor`."""
        from core.plugins.host_api import GenerationApi

        return GenerationApi(self, actor)


def manifest_hash(plugins: Mapping[str, Plugin]) -> str:
    """Equal on two nodes exactly when they run the same manifests in the same order."""
    text = "\n".join(f"{plugin.id} {plugin.hash}" for plugin in plugins.values())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
