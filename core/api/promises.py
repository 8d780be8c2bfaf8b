"""What a release promised to its clients: anything not deprecated in it must still be there."""

from __future__ import annotations

from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    GraphQLSchema,
    Node,
    ObjectTypeDefinitionNode,
    Visitor,
    build_ast_schema,
    find_breaking_changes,
    parse,
    visit,
)

ROOTS = ("Query", "Mutation", "Subscription")


def broken_promises(released: str, current: str) -> list[str]:
    """Changes of the SDL that break a client of the release, unless the release had deprecated what is gone."""
    promised = build_ast_schema(_reachable(visit(parse(released), _WithoutDeprecated())), assume_valid=True)
    now = build_ast_schema(parse(current), assume_valid=True)
    return sorted(change.description for change in find_breaking_changes(promised, now))


class _WithoutDeprecated(Visitor):
    """Leaves out every field, argument and value marked @deprecated: one release of warning was given."""

    def enter(self, node: Node, *_: Any) -> Any:
        directives = getattr(node, "directives", None) or ()
        return REMOVE if any(d.name.value == "deprecated" for d in directives) else None


def _reachable(document: DocumentNode) -> DocumentNode:
    """Types that nothing promised leads to are not promised either; a type itself cannot be deprecated."""
    schema: GraphQLSchema = build_ast_schema(document, assume_valid=True)
    by_name = {name.value: d for d in document.definitions if (name := getattr(d, "name", None))}
    seen: set[str] = set()
    todo = [name for name in ROOTS if name in schema.type_map]
    while todo:
        name = todo.pop()
        if name not in seen and name in by_name:
            seen.add(name)
            todo.extend(_names(by_name[name]))
            todo.extend(_implementing(document, name))
    kept = [d for d in document.definitions if getattr(getattr(d, "name", None), "value", "") in seen]
    return DocumentNode(definitions=tuple(kept))


def _names(definition: Node) -> list[str]:
    found: list[str] = []

    class Names(Visitor):
        def enter_named_type(self, node: Any, *_: Any) -> None:
            found.append(node.name.value)

    visit(definition, Names())
    return found


def _implementing(document: DocumentNode, name: str) -> list[str]:
    return [
        d.name.value
        for d in document.definitions
        if isinstance(d, ObjectTypeDefinitionNode) and name in {i.name.value for i in d.interfaces or ()}
    ]
