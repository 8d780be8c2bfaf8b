"""One consistent state of the host: built off to the side, never changed, swapped in one assignment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.jobs.jobs import Plan
from core.manifest.model import Plugin, World
from core.plugins.hooks import Hooks
from core.plugins.host_api import GenerationApi
from core.plugins.states import Choices, choice_in
from core.plugins.status import Chosen, PluginStatus
from core.plugins.work import make_plan
from core.read import Reader
from core.write import Writer

if TYPE_CHECKING:
    from core.plugins.registry import Registry


@dataclass(frozen=True, eq=False)
class Generation:
    """What a request sees from its first to its last line, whatever is switched meanwhile."""

    number: int
    world: World
    states: Mapping[str, PluginStatus]
    choices: Choices
    access: AccessModel
    reader: Reader
    writer: Writer
    #: The strawberry schema, and the graphql-core schema inside it.
    schema: Any
    graphql: GraphQLSchema
    hooks: Hooks
    manifest_hash: str
    schema_hash: str
    registry: Registry = field(repr=False)

    def host_api(self, actor: Actor) -> GenerationApi:
        """The host as plugin code sees it, under the rights of `actor`."""
        return GenerationApi(self, actor)

    def choice(self, plugin_id: str, division: str) -> Chosen:
        """What holds for a plugin in a division ("" = everywhere)."""
        return choice_in(self.choices.get(plugin_id, {}), division)

    @cached_property
    def plan(self) -> Plan:
        """Its background work."""
        return make_plan(self)


def manifest_hash(plugins: Mapping[str, Plugin]) -> str:
    """Equal on two nodes exactly when they run the same manifests in the same order."""
    text = "\n".join(f"{plugin.id} {plugin.hash}" for plugin in plugins.values())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
