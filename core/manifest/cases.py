"""The typed model of what a county does for a person: service items, forms, workflows, dispatch tables.

Messages, documents and indicators, which come of cases, are in core.manifest.outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from tongban_sdk.problems import Place

if TYPE_CHECKING:
    from core.expr import Expr

#: S second, MIN minute, H hour, WH duty hour (工作时), WD working day (工作日), D calendar day, MON month, Y year.
Unit = Literal["S", "MIN", "H", "WH", "WD", "D", "MON", "Y"]
#: The place of what no file holds.
NOWHERE = Place("")
EffectKind = Literal["message", "event", "hook", "set", "document", "open", "task", "payment", "slot", "call"]
#: Callers that are no roles: who applied, who holds the task, the engine itself.
APPLICANT, ASSIGNEE, SYSTEM_ROLE = "applicant", "assignee", "system"
PSEUDO_ROLES = frozenset({APPLICANT, ASSIGNEE, SYSTEM_ROLE})


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit as laws write it: a number and its unit, never seconds."""

    value: int
    unit: Unit
    #: Calendar of working days; divisions overlay their own days.
    calendar: str = "CN"
    #: The article it comes from, shown in the sentence of a due date; "" = none given.
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action sets off. `args` by kind:

    message, document {"template": "community.done"} · event {"name": "repair.closed"} · hook {"name": "price"} ·
    task {"title", "roles": (…), "within": Limit | None} · set {"field", "value": Expr} ·
    payment {"fee": "grid.advert"} · open {"service": "grid.fix", "values": {field: Expr}} ·
    slot {"do": "confirm" | "release", "field"} ·
    call {"connector": "core.courier", "operation", "values": {property: Expr}, "answer": {field: property},
    "events": {value: action}, "on_answer", "on_failure": action}.
    """

    kind: EffectKind
    args: Mapping[str, Any]
    #: Only when this holds of the entity's row; None = always.
    when: Expr | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Part:
    """One of several tasks of a state that are done side by side."""

    id: str
    title: str
    roles: tuple[str, ...]
    #: Dispatch table that finds who; "" = whoever of `roles` covers the case's division.
    dispatch: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """A sub-case of a bundle (一件事)."""

    id: str
    #: Full code of the service item: "community.residence".
    service: str
    #: Children that must be done first; a failed child blocks only those that name it.
    after: tuple[str, ...] = ()
    #: Field of the child's entity → expression over the parent's row.
    values: Mapping[str, Expr] = field(default_factory=dict)
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class State:
    id: str
    title: str
    place: Place
    #: Whose work it is; () = nobody's (an end, or waiting for the applicant).
    roles: tuple[str, ...] = ()
    #: pool: who of `roles` covers the division claims it; dispatch: the table finds a unit or person; owner: who
    #: had the case last in these roles; applicant: the citizen must do something.
    assign: Literal["pool", "dispatch", "owner", "applicant"] = "pool"
    dispatch: str = ""
    parts: tuple[Part, ...] = ()
    #: When a state with parts is passed: any one, all, `quorum` of them, or a vote (more for than against).
    join: Literal["any", "all", "quorum", "vote"] = "all"
    quorum: int = 0
    within: Limit | None = None
    #: What happens when the limit of the state has passed, beside the escalation chain; "" = nothing.
    on_due: str = ""
    #: What happens when every bill of the case is paid, waived or void; "" = nothing.
    on_paid: str = ""
    #: Reason under which the clock of the case stands still here ("correction"); "" = it runs.
    pause: str = ""
    #: How a case ends here; "" = it goes on.
    end: Literal["", "done", "refused", "withdrawn", "merged"] = ""
    #: (condition over the row, action): tried in order on entering; None = otherwise.
    auto: tuple[tuple[Expr | None, str], ...] = ()
    children: tuple[Child, ...] = ()
    #: In a citizen's words; "" = title.
    public: str = ""


@dataclass(frozen=True, slots=True)
class CaseAction:
    """A step somebody takes: from states to a state."""

    id: str
    title: str
    place: Place
    from_: tuple[str, ...]
    #: "" = the state stays (a comment, a transfer, an extension).
    to: str
    #: Roles and pseudo roles; never empty.
    roles: tuple[str, ...]
    kind: Literal[
        "forward", "return", "correct", "transfer", "suspend", "extend", "withdraw", "reopen", "refuse", "arbitrate"
    ] = "forward"
    #: Over the entity's row; the refusal says `guard_message`.
    guard: Expr | None = None
    guard_message: str = ""
    #: Entity fields the step may write, and those it must leave filled.
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    needs_reason: bool = False
    #: May whoever did the step before (or owns the case) do this one as well?
    self_approve: bool = True
    #: How often per case; 0 = any number. Once more than this goes to `over` (a state) instead.
    times_max: int = 0
    over: str = ""
    #: For extend: by how much.
    by: Limit | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who hears of it when a share of the limit has passed: 80 (%) → unit_head, 200 → supervision."""

    at_percent: int
    #: A role, or "supervision": a 督办 ticket is opened.
    to: str


@dataclass(frozen=True, slots=True)
class Merge:
    """When a new report tells of what an open case is about already: within all of this, it joins that case."""

    within_m: int
    within_h: int
    #: Field that must be equal, and the point both were reported at.
    same: str
    point: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """One version of a workflow. A running case keeps the version it began with."""

    plugin_id: str
    id: str
    version: int
    title: str
    entity: str
    start: str
    states: Mapping[str, State]
    actions: Mapping[str, CaseAction]
    place: Place
    #: Entity field that always shows the state; "" = none.
    mirror: str = ""
    #: Reason → title: why a clock may stand still.
    pauses: Mapping[str, str] = field(default_factory=dict)
    #: Who approves a suspension.
    pause_approver: str = ""
    escalation: tuple[Escalation, ...] = ()
    #: Must hold before a case may end "done"; each with its message.
    close_conditions: tuple[tuple[Expr, str], ...] = ()
    #: Who rules when a return goes to and fro.
    arbiter: str = "duty_leader"
    rating: bool = True
    #: Limit of a rectification opened by a bad rating; at most 15 WD.
    rectification: Limit = Limit(15, "WD")
    #: None = reports never join.
    merge: Merge | None = None
    #: As written: what is kept for the cases that began with this version.
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"

    @property
    def called_back(self) -> frozenset[str]:
        """Actions that the engine takes when an outside system answers, or does not."""
        calls = [e.args for a in self.actions.values() for e in a.effects if e.kind == "call"]
        return frozenset(
            name for c in calls for name in (c["on_answer"], c["on_failure"], *c["events"].values()) if name
        )


@dataclass(frozen=True, slots=True)
class Precondition:
    when: Expr
    message: str


@dataclass(frozen=True, slots=True)
class Material:
    id: str
    title: str
    #: File field of the entity it goes into; "" = only a licence or source proves it.
    file_field: str
    need: Literal["required", "optional", "deferrable"]
    source: Literal["applicant", "government", "other"]
    #: Licence type that stands in for it; "" = none.
    licence: str = ""
    #: All remaining elements of the standard, as written: material_type, page_num, accept_stand, by_law …
    elements: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """One version of a service item (事项): the guide a citizen reads and the door a case comes in by."""

    plugin_id: str
    id: str
    version: int
    title: str
    entity: str
    workflow: str
    place: Place
    effective_from: date
    effective_to: date | None
    #: 31-digit 实施编码 or "" while the county has none.
    task_code: str
    #: 即办件 | 承诺件
    project_type: str
    legal: Limit | None
    promise: Limit | None
    audience: tuple[Literal["person", "legal"], ...]
    channels: tuple[str, ...]
    #: Life events and categories it is found under.
    topics: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    on_site_times: int = 0
    real_name: int = 2
    form: str = ""
    preconditions: tuple[Precondition, ...] = ()
    materials: tuple[Material, ...] = ()
    fee: Mapping[str, Any] = field(default_factory=dict)
    faq: tuple[tuple[str, str], ...] = ()
    summary: str = ""
    #: Every further element of 基本目录 and 实施清单, by its standard name.
    elements: Mapping[str, Any] = field(default_factory=dict)
    #: Is the clock running from filing ("submit") or from acceptance (the named action)?
    clock_from: str = "submit"
    #: Field that holds the number of the case it is about, which must be one the caller has part in; "" = none.
    about: str = ""
    #: As written: what is kept for the cases that began with this version.
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as declared: what it takes from its entity and how it differs. core/forms makes the JSON Schema of it."""

    plugin_id: str
    id: str
    title: str
    entity: str
    place: Place
    #: (group title, names of fields in order)
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    #: Field → UI hints: widget, hint, placeholder, showIf (a JSON Schema over the form's data), prefill.
    ui: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: JSON Schema 2020-12 laid over the generated one.
    refine: Mapping[str, Any] = field(default_factory=dict)
    #: Statements a citizen must tick himself: id → text. No data of the entity; the case keeps who ticked which.
    consents: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where a rule of a dispatch table sends a task: staff of a role at a unit, in a grid, or one named by a field."""

    role: str
    #: Field path that holds a unit (core.org_unit), "" = units covering the case's division.
    org: str = ""
    #: Field path that holds a grid; "" = any.
    grid: str = ""
    #: Field path that holds a person of staff; "" = whoever.
    staff: str = ""


@dataclass(frozen=True, slots=True)
class DispatchRule:
    when: Expr | None
    to: Candidate
    #: How candidates are put in order: fewest open tasks first, nearest first; on duty first outside working hours.
    order: tuple[Literal["load", "distance", "duty"], ...] = ("load",)
    title: str = ""


@dataclass(frozen=True, slots=True)
class Dispatch:
    plugin_id: str
    id: str
    title: str
    entity: str
    place: Place
    rules: tuple[DispatchRule, ...]
    #: Tried in order when no rule finds anybody, or nobody accepts in time.
    fallback: tuple[Candidate, ...]
    accept_within: Limit | None = None

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"
