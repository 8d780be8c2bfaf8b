"""A workflow document to the typed model: the same way for a manifest and for what is kept of an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from core.expr import Expr
from core.manifest.cases import (
    CaseAction,
    Child,
    Effect,
    EffectKind,
    Escalation,
    Limit,
    Merge,
    Part,
    State,
    Workflow,
)
from core.manifest.definitions import Origin, Stored, full_key, limit_of

Spec = Mapping[str, Any]
Path = tuple[str | int, ...]
#: What an effect may be; exactly one of them is its key.
KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
#: Steps against somebody's wish: he is told why unless the manifest says otherwise.
REASONED = frozenset({"return", "correct", "suspend", "extend", "refuse", "arbitrate"})
DEFAULT_RECTIFICATION = Limit(15, "WD")


def workflow_of(document: Spec, plugin_id: str, origin: Origin | None = None) -> Workflow:
    """The workflow a document describes; of a stored one nothing is checked again."""
    at = origin or Stored(f"{plugin_id}.{document['workflow']}@{document['version']}")
    return Workflow(
        plugin_id=plugin_id,
        id=document["workflow"],
        version=document["version"],
        title=document["title"],
        entity=full_key(document["entity"], plugin_id),
        start=document["start"],
        states={id: _state(id, spec, plugin_id, at) for id, spec in document["states"].items()},
        actions={id: _action(id, spec, plugin_id, at) for id, spec in document["actions"].items()},
        place=at.place(),
        mirror=document.get("mirror", ""),
        pauses=document.get("pauses", {}),
        pause_approver=document.get("pause_approver", ""),
        escalation=tuple(Escalation(e["at_percent"], e["to"]) for e in document.get("escalation", ())),
        close_conditions=tuple(_close_conditions(document, at)),
        arbiter=document.get("arbiter", "duty_leader"),
        rating=document.get("rating", True),
        rectification=limit_of(document.get("rectification")) or DEFAULT_RECTIFICATION,
        merge=_merge(document.get("merge")),
        document=document,
    )


def _close_conditions(document: Spec, at: Origin) -> Iterator[tuple[Expr, str]]:
    for i, spec in enumerate(document.get("close_conditions", ())):
        yield at.condition(spec["when"], "close_conditions", i, "when"), spec["message"]


def _merge(spec: Spec | None) -> Merge | None:
    return Merge(spec["within_m"], spec["within_h"], spec["same"], spec["point"]) if spec else None


def _state(id: str, spec: Spec, plugin_id: str, at: Origin) -> State:
    path = ("states", id)
    return State(
        id=id,
        title=spec["title"],
        place=at.place(*path),
        roles=tuple(spec.get("roles", ())),
        assign=spec.get("assign", "pool"),
        dispatch=spec.get("dispatch", ""),
        parts=tuple(
            Part(p["id"], p["title"], tuple(p.get("roles", ())), p.get("dispatch", "")) for p in spec.get("parts", ())
        ),
        join=spec.get("join", "all"),
        quorum=spec.get("quorum", 0),
        within=limit_of(spec.get("within")),
        on_due=spec.get("on_due", ""),
        on_paid=spec.get("on_paid", ""),
        pause=spec.get("pause", ""),
        end=spec.get("end", ""),
        auto=tuple(_auto(spec, path, at)),
        children=tuple(_children(spec, path, plugin_id, at)),
        public=spec.get("public", ""),
    )


def _auto(spec: Spec, path: Path, at: Origin) -> Iterator[tuple[Expr | None, str]]:
    for i, step in enumerate(spec.get("auto", ())):
        yield _when(step, (*path, "auto", i), at), step["action"]


def _when(spec: Spec, path: Path, at: Origin) -> Expr | None:
    return at.condition(spec["when"], *path, "when") if "when" in spec else None


def _children(spec: Spec, path: Path, plugin_id: str, at: Origin) -> Iterator[Child]:
    for i, child in enumerate(spec.get("children", ())):
        here = (*path, "children", i)
        service = full_key(child["service"], plugin_id)
        yield Child(child["id"], service, tuple(child.get("after", ())), _values(child, here, at), at.place(*here))


def _values(spec: Spec, path: Path, at: Origin) -> dict[str, Expr]:
    return {name: at.value(source, *path, "values", name) for name, source in spec.get("values", {}).items()}


def _action(id: str, spec: Spec, plugin_id: str, at: Origin) -> CaseAction:
    path = ("actions", id)
    guard = at.condition(spec["guard"], *path, "guard", by_caller=True) if "guard" in spec else None
    return CaseAction(
        id=id,
        title=spec["title"],
        place=at.place(*path),
        from_=tuple(spec["from"]),
        to=spec.get("to", ""),
        roles=tuple(spec["roles"]),
        kind=spec.get("kind", "forward"),
        guard=guard,
        guard_message=spec.get("guard_message", ""),
        fields=tuple(spec.get("fields", ())),
        required=tuple(spec.get("required", ())),
        needs_reason=spec.get("needs_reason", spec.get("kind") in REASONED),
        self_approve=spec.get("self_approve", True),
        times_max=spec.get("times_max", 0),
        over=spec.get("over", ""),
        by=limit_of(spec.get("by")),
        effects=tuple(_effects(spec, path, plugin_id, at)),
    )


def _effects(spec: Spec, path: Path, plugin_id: str, at: Origin) -> Iterator[Effect]:
    for i, effect in enumerate(spec.get("effects", ())):
        here = (*path, "effects", i)
        for kind in KINDS:
            if kind in effect:
                args = _args(kind, effect[kind], (*here, kind), plugin_id, at)
                yield Effect(kind, args, _when(effect, here, at), at.place(*here, kind))


def _args(kind: str, given: Any, path: Path, plugin_id: str, at: Origin) -> dict[str, Any]:
    match kind:
        case "message" | "document":
            return {"template": full_key(given, plugin_id)}
        case "set":
            return {"field": given["field"], "value": at.value(given["value"], *path, "value", by_caller=True)}
        case "call":
            return {
                "connector": full_key(given["connector"], plugin_id), "operation": given["operation"],
                "values": _values(given, path, at), "answer": given.get("answer", {}),
                "events": given.get("events", {}),
                "on_answer": given.get("on_answer", ""), "on_failure": given.get("on_failure", ""),
            }  # fmt: skip
        case "open":
            return {"service": full_key(given["service"], plugin_id), "values": _values(given, path, at)}
        case "payment":
            return {"fee": full_key(given["fee"], plugin_id)}
        case "task":
            return {"title": given["title"], "roles": tuple(given["roles"]), "within": limit_of(given.get("within"))}
        case "slot":
            return {"do": given["do"], "field": given["field"]}
        case _:
            return {"name": given}
