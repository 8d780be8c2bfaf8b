"""A plugin while its sections are read: what is known so far, and where problems go."""

from __future__ import annotations

from dataclasses import dataclass, field

from tongban_sdk.problems import Place, Problem

from core.fields.base import Field
from core.fields.refs import Ref
from core.fields.system import HasFields, all_fields
from core.manifest.document import Document
from core.manifest.findings import did_you_mean, error, shown, warning
from core.manifest.folder import Folder
from core.manifest.model import CodeSet, Entity, Plugin, Role, World, inverse_in


@dataclass(slots=True)
class Draft:
    """What a section may look at: its own plugin as far as it is read, and the plugins it requires."""

    folder: Folder
    #: Its `parts` fill up section by section.
    plugin: Plugin
    #: The plugins it requires, directly or not: the only ones it may name.
    world: World
    #: Ids of all plugins that were found.
    known: frozenset[str]
    #: Files with problems of their own; what they declare is not reported as missing.
    broken: set[str] = field(default_factory=set)
    #: Fields whose declaration does not fit the schema, by own entity.
    broken_fields: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def error(self, id: str, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(error(id, place, message, hint))

    def warning(self, id: str, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(warning(id, place, message, hint))

    def break_(self, document: Document) -> None:
        """Later sections keep quiet about what this document declares."""
        self.broken.add(document.name)

    def is_broken_field(self, entity: Entity, name: str) -> bool:
        return entity.plugin_id == self.plugin.id and name in self.broken_fields.get(entity.name, ())

    def entity(self, name: str, place: Place) -> Entity | None:
        """The entity a name means; None is already reported, or its own file has problems."""
        plugin_id, dot, short = name.rpartition(".")
        plugin_id = plugin_id if dot else self.plugin.id
        own = plugin_id == self.plugin.id
        if own and f"entities/{short}.yaml" in self.broken:
            return None
        plugin = self.plugin if own else self.world.plugins.get(plugin_id)
        if plugin is None:
            self._plugin_unknown(name, plugin_id, place)
            return None
        if (found := plugin.entities.get(short)) is None:
            hint = did_you_mean(short, plugin.entities)
            self.error("entity.unknown", place, f"没有实体 {shown(name)}", hint)
        return found

    def _plugin_unknown(self, name: str, plugin_id: str, place: Place) -> None:
        if plugin_id in self.known:
            hint = f"在 plugin.yaml 的 requires 里加上 {plugin_id}"
            self.error("plugin.not-required", place, f"{shown(name)} 属于插件 {plugin_id}，但没有声明依赖", hint)
        else:
            hint = did_you_mean(plugin_id, (*self.world.plugins, self.plugin.id))
            self.error("entity.unknown", place, f"没有插件 {shown(plugin_id)}，找不到实体 {shown(name)}", hint)

    def entity_of(self, key: str) -> Entity | None:
        """The entity of a full key, among those this plugin may name; says nothing."""
        plugin_id, _, name = key.partition(".")
        return self.plugin.entities.get(name) if plugin_id == self.plugin.id else self.world.entity(key)

    def inverse_of(self, entity: HasFields, name: str) -> Entity | None:
        """The entity an inverse field of an entity lists, among those this plugin may name."""
        if not isinstance(entity, Entity):
            return None
        plugin = self.plugin if entity.plugin_id == self.plugin.id else self.world.plugins.get(entity.plugin_id)
        found = inverse_in(plugin, entity, name) if plugin else None
        return found[0] if found else None

    def field_at(self, entity: Entity, path: str) -> Field | None:
        """The field a dotted path of refs ends at ("compound.property_org"); says nothing when there is none."""
        *walk, last = path.split(".")
        at: Entity | None = entity
        for name in walk:
            ref = at.fields.get(name) if at else None
            at = self.entity_of(ref.to) if isinstance(ref, Ref) else None
        return all_fields(at).get(last) if at else None

    def is_excused(self, entity: Entity, path: str) -> bool:
        """What a path leads through has a problem of its own."""
        head, _, rest = path.partition(".")
        return self.is_broken_field(entity, head) or (
            bool(rest) and any(f.startswith("entities/") for f in self.broken)
        )

    @property
    def roles(self) -> dict[str, Role]:
        return {**self.world.roles, **self.plugin.roles}

    @property
    def codes(self) -> dict[str, CodeSet]:
        return {**self.world.codes, **self.plugin.codes}
