"""The size of an operation with every fragment expanded, in one pass that is linear in the document.

A fragment is measured once and added at every spread: doubling fragments cost nothing to count. Never walk one twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

#: Literal nesting of selections, lists, objects and list types; keeps recursion far from the interpreter's limit.
NESTING_MAX = 60
PAGE_DEFAULT, PAGE_MAX = 20, 100
#: The whole schema is thousands of types: once or twice in a request, not twenty times.
META_COST = 3_000
#: Metadata of a strawberry field that compares a password, a code or a token: one per operation, or aliases would
#: guess by the dozen.
LOOKS_AT_SECRET = {"looks_at_secret": True}


class Measure(NamedTuple):
    """Sums over a selection set with all fragments expanded."""

    #: Fields directly at this level.
    width: int = 0
    #: Selections: fields, spreads and inline fragments, so that a tree without fields is bounded, too.
    size: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0
    introspection_depth: int = 0
    #: Rows times fields, at most.
    cost: int = 0
    #: Fields that look at a secret: see LOOKS_AT_SECRET.
    secrets: int = 0

    def plus(self, other: Measure) -> Measure:
        return Measure(
            self.width + other.width,
            self.size + other.size,
            self.aliases + other.aliases,
            self.directives + other.directives,
            max(self.depth, other.depth),
            max(self.introspection_depth, other.introspection_depth),
            self.cost + other.cost,
            self.secrets + other.secrets,
        )


NOTHING = Measure()
ONE_MORE = Measure(size=1)


class Cycle(Exception):
    """A fragment that spreads itself."""


class TooDeep(Exception):
    """Nesting beyond what may be walked."""


class Walk:
    """One pass over one operation; `value_of` answers what a variable holds."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        value_of: Callable[[str], Any],
    ) -> None:
        self.schema, self.fragments, self.value_of = schema, fragments, value_of
        self.assumed: set[str] = set()
        self._done: dict[str, Measure | None] = {}

    def selections(self, node: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Measure:
        if level > NESTING_MAX:
            raise TooDeep
        total = NOTHING
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                part = self._field(selection, parent, level)
            elif isinstance(selection, InlineFragmentNode):
                kind = selection.type_condition
                inner = self.schema.get_type(kind.name.value) if kind else parent
                part = self.selections(selection.selection_set, inner, level + 1).plus(ONE_MORE)
            else:
                part = self._fragment(selection, level).plus(ONE_MORE)  # type: ignore[arg-type]  # the third kind
            total = total.plus(part)
            if selection.directives:
                total = total._replace(directives=total.directives + len(selection.directives))
        return total

    def _fragment(self, spread: FragmentSpreadNode, level: int) -> Measure:
        name = spread.name.value
        if name in self._done:
            done = self._done[name]
            if done is None:
                raise Cycle
            return done
        node = self.fragments.get(name)
        if node is None:  # validation names it
            return NOTHING
        self._done[name] = None
        parent = self.schema.get_type(node.type_condition.name.value)
        made = self.selections(node.selection_set, parent, level + 1)
        self._done[name] = made
        return made

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Measure:
        name = node.name.value
        definition = _definition(self.schema, parent, name)
        inner = NOTHING
        if node.selection_set:
            kind = get_named_type(definition.type) if definition else None
            inner = self.selections(node.selection_set, kind, level + 1)
        items = sum(self._items(argument.value) for argument in node.arguments or ())
        meta = name in ("__schema", "__type")
        return Measure(
            width=1,
            size=1 + inner.size,
            aliases=(node.alias is not None) + inner.aliases,
            directives=inner.directives,
            depth=1 if meta else 1 + inner.depth,
            introspection_depth=1 + max(inner.depth, inner.introspection_depth) if meta else inner.introspection_depth,
            cost=1 + items + (META_COST + inner.cost if meta else inner.cost * self._rows(node, definition, items)),
            secrets=_looks_at_secret(definition) + inner.secrets,
        )

    def _rows(self, node: FieldNode, definition: GraphQLField | None, items: int) -> int:
        """How many rows a field may bring: its `first`, the list it was given, or one."""
        for argument in node.arguments or ():
            if argument.name.value == "first":
                return max(1, self._page(argument.value))
        if definition and "first" in definition.args:
            return PAGE_DEFAULT
        is_list = definition is not None and is_list_type(get_nullable_type(definition.type))
        return max(1, items) if is_list else 1

    def _page(self, node: ValueNode) -> int:
        value: Any = None
        if isinstance(node, IntValueNode):
            value = int(node.value[:12])
        elif isinstance(node, VariableNode):
            self.assumed.add(node.name.value)
            value = self.value_of(node.name.value)
        return value if isinstance(value, int) else PAGE_DEFAULT

    def _items(self, node: ValueNode) -> int:
        """Elements of lists in an argument, in the text or in a variable."""
        if isinstance(node, ListValueNode):
            return len(node.values) + sum(self._items(v) for v in node.values if isinstance(v, VariableNode))
        if isinstance(node, VariableNode):
            value = self.value_of(node.name.value)
            if isinstance(value, list):
                self.assumed.add(node.name.value)
                return len(value)
        return 0


def _looks_at_secret(definition: GraphQLField | None) -> bool:
    hand_written = definition.extensions.get("strawberry-definition") if definition else None
    return hand_written is not None and "looks_at_secret" in hand_written.metadata


def _definition(schema: GraphQLSchema, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
