"""The typed model of a manifest: what every other room of core reads. Nothing here touches a file or a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tongban_sdk.problems import Place

from core.fields.refs import Ref

if TYPE_CHECKING:
    from core.expr import Expr
    from core.fields.base import Field
    from core.manifest.bookings import BookingKind
    from core.manifest.cases import Dispatch, Form, Service, Workflow
    from core.manifest.connectors import Connector
    from core.manifest.fees import Fee
    from core.manifest.indicators import Indicator
    from core.manifest.map_layers import Layer
    from core.manifest.outputs import DocumentTemplate, MessageTemplate

LevelName = Literal["L1", "L2", "L3", "L4"]
#: `aggregate` opens counts and sums of rows, not the rows; who may read may also count what he reads.
Action = Literal["read", "create", "update", "delete", "aggregate"]
#: Actions that show what is there.
READS: frozenset[Action] = frozenset({"read", "aggregate"})
#: How whoever a rule speaks to stands to the person a row is about; "" = not at all.
Relation = Literal["", "self", "guardian", "household", "grid", "case", "treatment", "teaching", "duty"]
#: The role of whoever acts for another under a delegation.
DELEGATE = "delegate"
#: Roles people have as citizens: for them the host knows how well it knows them (`me.real_name`).
CITIZEN_ROLES = frozenset({"resident", DELEGATE, "legal_person", "merchant"})


@dataclass(frozen=True, slots=True)
class Role:
    """A role that rules name. Ids are unique over all plugins; a plugin's own start with "<plugin>_"."""

    id: str
    title: str
    plugin_id: str
    place: Place
    #: R01…R24 of the shared list, or "".
    code: str = ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why personal data is held, in words a citizen can read."""

    id: str
    title: str
    basis: Literal["legal_duty", "consent", "contract"]
    #: ISO 8601 duration, e.g. "P3Y".
    retention: str
    text: str


@dataclass(frozen=True, slots=True)
class Period:
    """From one field to another, the end not included; an end that is null is open."""

    per: tuple[str, ...]
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of row: a table, a GraphQL type, a set of rights."""

    plugin_id: str
    name: str
    title: str
    description: str
    fields: Mapping[str, Field]
    #: Field names, "-" = descending; system fields (created_at …) are allowed.
    indexes: tuple[tuple[str, ...], ...]
    unique: tuple[tuple[str, ...], ...]
    history: bool
    #: Field shown when only one line fits; "" = id.
    display: str
    place: Place
    renamed_from: str | None = None
    #: Name of many, "repair_orders"; "" = name + "s".
    plural: str = ""
    #: Ref field whose row gives a new row its division; "" = the actor's.
    division_from: str = ""
    #: Whom a row is about: "self" (core.person), or all ways by refs that lead to core.person ("agent", "house.owner");
    #: ("none",) = nobody, as stated; () = not stated.
    subjects: tuple[str, ...] = ()
    #: Smallest group that statistics name; 0 = no floor.
    group_min: int = 0
    #: Field that holds the number of the case a row belongs to; "" = none.
    case: str = ""
    #: Periods of which no two of the same `per` overlap.
    no_overlap: tuple[Period, ...] = ()

    @property
    def subject_paths(self) -> tuple[tuple[str, ...], ...]:
        """Paths to the ids of the persons a row is about, as expressions walk them; () = about nobody."""
        if self.subjects == ("none",):
            return ()
        return tuple([("id",) if way == "self" else tuple(way.split(".")) for way in self.subjects])

    @property
    def key(self) -> str:
        """The name used in rules and messages: "community.repair_order"."""
        return f"{self.plugin_id}.{self.name}"

    @property
    def table(self) -> str:
        return f"{self.plugin_id}_{self.name}"

    @property
    def type_name(self) -> str:
        """GraphQL type: "CommunityRepairOrder"."""
        return "".join(part.capitalize() for part in f"{self.plugin_id}_{self.name}".split("_"))

    @property
    def query_name(self) -> str:
        """GraphQL root field of one row: "communityRepairOrder"; statistics add "Stats"."""
        return self.type_name[0].lower() + self.type_name[1:]

    @property
    def list_name(self) -> str:
        """GraphQL root field of many: "communityRepairOrders"."""
        head, *tail = f"{self.plugin_id}_{self.plural or self.name + 's'}".split("_")
        return head + "".join(part.capitalize() for part in tail)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of access.yaml: a role may do these actions on these rows and fields."""

    plugin_id: str
    role: str
    #: Full key, "community.repair_order".
    entity: str
    can: frozenset[Action]
    #: Which rows; None = all.
    where: Expr | None
    #: Fields the rule opens, already expanded to names (system fields included for read).
    fields: frozenset[str]
    #: L3/L4 fields of `fields` read without a mask.
    clear: frozenset[str]
    place: Place
    #: "community/access.yaml#3": stable, shown by explain and in audit.
    id: str
    #: How the caller stands to the person; an L4 field is never shown without.
    relation: Relation = ""
    #: L3/L4 fields of `fields` that may be seen in clear after a purpose has been stated.
    unmask: frozenset[str] = frozenset()
    #: Real-name level the caller needs, already part of `where`; 0 = none.
    real_name: int = 0


@dataclass(frozen=True, slots=True)
class CodeItem:
    code: str
    title: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class CodeSet:
    """A list of codes, flat or a tree. Ids are unique over all plugins."""

    id: str
    title: str
    source: str
    items: Mapping[str, CodeItem]
    plugin_id: str
    place: Place


@dataclass(frozen=True, slots=True)
class DataSet:
    """Reference rows a plugin ships: upserted by key at migrate, never deleted."""

    entity: str
    key: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Job:
    """Work done later: on a clock (`cron`, "minute hour day month weekday", +08:00) or when asked (`cron` empty)."""

    plugin_id: str
    id: str
    title: str
    cron: str
    #: Name of the handler the plugin's `jobs` hook returns.
    run: str
    timeout_s: float
    max_tries: int
    place: Place

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One manifest folder, read and checked."""

    id: str
    title: str
    description: str
    version: str
    version_code: int
    department: Mapping[str, str]
    case_prefix: str
    data_level_max: LevelName
    requires: tuple[str, ...]
    after: tuple[str, ...]
    conflicts: tuple[str, ...]
    #: "module:attribute" of the Python part, or "".
    entry: str
    purposes: Mapping[str, Purpose]
    roles: Mapping[str, Role]
    place: Place
    #: sha256 over names and bytes of all files.
    hash: str
    #: What each further section read, by section name.
    parts: Mapping[str, Any] = field(default_factory=dict)
    #: Real-name level citizens need for this plugin unless a rule says otherwise; 0 = none.
    real_name: int = 0

    @property
    def entities(self) -> Mapping[str, Entity]:
        return self.parts.get("entities", {})  # type: ignore[no-any-return]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.parts.get("access", ())  # type: ignore[no-any-return]

    @property
    def codes(self) -> Mapping[str, CodeSet]:
        return self.parts.get("codes", {})  # type: ignore[no-any-return]

    @property
    def data(self) -> tuple[DataSet, ...]:
        return self.parts.get("data", ())  # type: ignore[no-any-return]

    @property
    def jobs(self) -> Mapping[str, Job]:
        return self.parts.get("jobs", {})  # type: ignore[no-any-return]

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """By id; the newest version a manifest has."""
        return self.parts.get("workflows", {})  # type: ignore[no-any-return]

    @property
    def services(self) -> Mapping[str, tuple[Service, ...]]:
        """By id: all versions, by the day they take effect."""
        return self.parts.get("services", {})  # type: ignore[no-any-return]

    @property
    def forms(self) -> Mapping[str, Form]:
        return self.parts.get("forms", {})  # type: ignore[no-any-return]

    @property
    def dispatch(self) -> Mapping[str, Dispatch]:
        return self.parts.get("dispatch", {})  # type: ignore[no-any-return]

    @property
    def messages(self) -> Mapping[str, MessageTemplate]:
        return self.parts.get("messages", {})  # type: ignore[no-any-return]

    @property
    def documents(self) -> Mapping[str, DocumentTemplate]:
        return self.parts.get("documents", {})  # type: ignore[no-any-return]

    @property
    def bookings(self) -> Mapping[str, BookingKind]:
        return self.parts.get("bookings", {})  # type: ignore[no-any-return]

    @property
    def connectors(self) -> Mapping[str, Connector]:
        return self.parts.get("connectors", {})  # type: ignore[no-any-return]

    @property
    def fees(self) -> Mapping[str, Fee]:
        return self.parts.get("fees", {})  # type: ignore[no-any-return]

    @property
    def indicators(self) -> Mapping[str, Indicator]:
        return self.parts.get("indicators", {})  # type: ignore[no-any-return]

    @property
    def layers(self) -> Mapping[str, Layer]:
        return self.parts.get("layers", {})  # type: ignore[no-any-return]


def inverse_in(plugin: Plugin, entity: Entity, name: str) -> tuple[Entity, Ref] | None:
    for other in plugin.entities.values():
        for found in other.fields.values():
            if isinstance(found, Ref) and found.inverse == name and found.to == entity.key:
                return other, found
    return None


@dataclass(frozen=True)
class World:
    """A consistent set of plugins in dependency order: what one generation of the host runs."""

    plugins: Mapping[str, Plugin]

    def entity(self, key: str) -> Entity | None:
        plugin_id, _, name = key.partition(".")
        plugin = self.plugins.get(plugin_id)
        return plugin.entities.get(name) if plugin else None

    def inverse(self, entity: Entity, name: str) -> tuple[Entity, Ref] | None:
        """The entity an inverse field lists, and its ref that points back. Inverses exist inside one plugin."""
        plugin = self.plugins.get(entity.plugin_id)
        return inverse_in(plugin, entity, name) if plugin else None

    @cached_property
    def entities(self) -> dict[str, Entity]:
        return {e.key: e for p in self.plugins.values() for e in p.entities.values()}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(r for p in self.plugins.values() for r in p.rules)

    @cached_property
    def roles(self) -> dict[str, Role]:
        return {r.id: r for p in self.plugins.values() for r in p.roles.values()}

    @cached_property
    def codes(self) -> dict[str, CodeSet]:
        return {c.id: c for p in self.plugins.values() for c in p.codes.values()}
