"""Proofs about small directed graphs: what cannot be reached, what cannot end, what runs in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

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
