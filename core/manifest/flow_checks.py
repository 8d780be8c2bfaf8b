"""Proofs about workflows, as small directed graphs: what cannot be reached, what cannot end, what runs in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from core.manifest.cases import ASSIGNEE, SYSTEM_ROLE, CaseAction, State, Workflow

#: From each node to those one step away; a node without a way on may be left out.
Edges = Mapping[str, Set[str]]


def reached(starts: Iterable[str], edges: Edges) -> set[str]:
    """The starts and everything they lead to."""
    found = set(starts)
    waiting = list(found)
    while waiting:
        fresh = edges.get(waiting.pop(), frozenset()) - found
        found |= fresh
        waiting += fresh
    return found


def reversed_edges(edges: Edges) -> dict[str, set[str]]:
    back: dict[str, set[str]] = {}
    for node, following in edges.items():
        for other in following:
            back.setdefault(other, set()).add(node)
    return back


def stuck(nodes: Iterable[str], ends: Iterable[str], edges: Edges) -> set[str]:
    """Nodes from which no end can be reached."""
    return set(nodes) - reached(ends, reversed_edges(edges))


def traps(nodes: Iterable[str], ends: Iterable[str], edges: Edges) -> set[str]:
    """Of the stuck nodes those from which nothing leads away: whatever they lead to leads back."""
    return {
        node
        for node in stuck(nodes, ends, edges)
        if all(node in reached([other], edges) for other in reached([node], edges))
    }


def cycle_through(start: str, edges: Edges) -> list[str] | None:
    """The shortest way from a node back to itself, first by name; None = there is none."""
    paths = [[start]]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        for following in sorted(edges.get(path[-1], ())):
            if following == start:
                return path
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return None


def cycles(edges: Edges) -> list[list[str]]:
    """Circles, each told once: of those a node stands in, the shortest."""
    found: list[list[str]] = []
    for node in sorted(edges):
        cycle = cycle_through(node, edges)
        if cycle and not any(set(cycle) == set(known) for known in found):
            found.append(cycle)
    return found


def has_task(state: State) -> bool:
    """Somebody of staff has it in his inbox."""
    return bool(state.roles or state.parts) or state.assign in ("dispatch", "owner")


def takers(action: CaseAction, state: State) -> set[str]:
    """Roles that really can take an action in a state, without the engine."""
    people = set(action.roles) - {SYSTEM_ROLE}
    return people if has_task(state) else people - {ASSIGNEE}


def is_taken(action: CaseAction, state: State, workflow: Workflow) -> bool:
    by_engine = (state.on_due, state.on_paid, *(step for _, step in state.auto), *workflow.called_back)
    return bool(takers(action, state)) or action.id in by_engine


def ways(workflow: Workflow, *, finishing: bool = False) -> dict[str, set[str]]:
    """Where a case can go from each state; `finishing` leaves out that it is withdrawn."""
    edges: dict[str, set[str]] = {}
    for action in workflow.actions.values():
        for name in action.from_:
            if not (finishing and action.kind == "withdraw") and is_taken(action, workflow.states[name], workflow):
                edges.setdefault(name, set()).update({action.to or name, *([action.over] if action.over else [])})
    return edges


def auto_ways(workflow: Workflow) -> dict[str, set[str]]:
    """Where the engine itself takes a case from each state; where nothing is owed it does so for `on_paid` too."""
    taken = {s.id: [*(a for _, a in s.auto), *([s.on_paid] if s.on_paid else [])] for s in workflow.states.values()}
    return {id: {workflow.actions[a].to or id for a in found} for id, found in taken.items() if found}


def unreachable_states(workflow: Workflow) -> set[str]:
    """The engine itself brings reports that join another case to their end."""
    joined = {state.id for state in workflow.states.values() if state.end == "merged"} if workflow.merge else set[str]()
    return set(workflow.states) - reached([workflow.start], ways(workflow)) - joined


def endless_states(workflow: Workflow) -> set[str]:
    """States where a case stays until it is withdrawn, or for ever; those that only lead there are not told."""
    ends = [state.id for state in workflow.states.values() if state.end]
    return traps(workflow.states, ends, ways(workflow, finishing=True))
