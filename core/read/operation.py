"""One operation of one document: how its variables are coerced, and which of them change the SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLSchema,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
    type_from_ast,
)
from graphql.execution import get_variable_values

from core.read.coercion import Coerce, NotPlain, coercion
from core.read.paging import cursor_shape
from core.read.selection import is_branch

_ABSENT = object()
Shape = Callable[[Any], Hashable]


class BadVariables(Exception):
    """graphql-core words this better."""


def _by_value(value: Any) -> Hashable:
    return value if value is None or isinstance(value, str | bool | int) else orjson.dumps(value)


def _is_null(value: Any) -> Hashable:
    return value is None


def _no_shape(value: Any) -> Hashable:
    return True


def _by_structure(type_: Any) -> Shape:
    """The shape of an input object: its keys, its nulls, and the values that become SQL themselves."""

    def shape(value: Any, type_: Any = type_) -> Hashable:
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if value is None:
            return None
        if not is_branch(inner):
            return _by_value(value) if _is_structural(inner) else "value"
        if isinstance(value, list):
            return tuple(shape(item, inner.of_type) for item in value)
        return tuple((name, shape(item, inner.fields[name].type)) for name, item in value.items())

    return shape


def _is_structural(type_: GraphQLInputType) -> bool:
    named = get_named_type(type_)
    if isinstance(named, GraphQLEnumType):
        return "structural" in named.extensions
    return named.name in ("Boolean", "PageSize")


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    definition: VariableDefinitionNode
    shape: Shape
    coerce: Coerce
    #: May be left out: it is nullable and has no default.
    may_lack: bool


@dataclass(slots=True)
class Operation:
    """Analysed once per document; `plans` is filled by the reader."""

    document: DocumentNode
    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: tuple[Variable, ...]
    plans: dict[Hashable, Any] = field(default_factory=dict)

    def coerce(self, schema: GraphQLSchema, given: Mapping[str, Any]) -> dict[str, Any]:
        """Coerced variables exactly as graphql-core makes them; BadVariables when it refuses."""
        try:
            return self._coerce(given)
        except NotPlain:
            pass
        values = get_variable_values(schema, self.node.variable_definitions or (), dict(given))
        if isinstance(values, list):
            raise BadVariables
        return values.coerced

    def _coerce(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = {}
        for variable in self.variables:
            if variable.name in given:
                made[variable.name] = variable.coerce(given[variable.name])
            elif not variable.may_lack:
                raise NotPlain
        return made

    def shape(self, coerced: Mapping[str, Any]) -> Hashable:
        return tuple([v.shape(coerced[v.name]) if v.name in coerced else _ABSENT for v in self.variables])


def analyse(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Operation | None:
    """The operation named, or None when graphql-core should say what is wrong."""
    node = get_operation_ast(document, name)
    if node is None:
        return None
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    forced = dict(_forced_shapes(document))
    written = _written(document, node)
    variables = []
    for definition in node.variable_definitions or ():
        type_: Any = type_from_ast(schema, definition.type)
        if type_ is None:
            return None
        own = definition.variable.name.value
        may_lack = definition.default_value is None and not isinstance(type_, GraphQLNonNull)
        shape = _no_shape if own in written else forced.get(own) or _shape_of(type_)
        variables.append(Variable(own, definition, shape, coercion(type_), may_lack))
    return Operation(document, node, fragments, tuple(variables))


def _written(document: DocumentNode, node: OperationDefinitionNode) -> frozenset[str]:
    """Variables that are only whole arguments of a mutation's own fields: what is read back does not depend on them."""
    if node.operation is not OperationType.MUTATION:
        return frozenset()
    roots = [selection for selection in node.selection_set.selections if isinstance(selection, FieldNode)]
    arguments = [argument.value for root in roots for argument in root.arguments or ()]
    whole = Counter(value.name.value for value in arguments if isinstance(value, VariableNode))
    uses = Counter(_uses(document))
    return frozenset(name for name, count in whole.items() if uses[name] == count)


def _uses(node: Node) -> Iterator[str]:
    """Names of variables, once per place they stand in."""
    if isinstance(node, VariableNode):
        yield node.name.value
    elif not isinstance(node, VariableDefinitionNode):
        for key in node.keys:
            value = getattr(node, key, None)
            for child in value if isinstance(value, list | tuple) else (value,):
                if isinstance(child, Node):
                    yield from _uses(child)


def _shape_of(type_: Any) -> Shape:
    if is_branch(type_):
        return _by_structure(type_)
    return _by_value if _is_structural(type_) else _is_null


def _forced_shapes(node: Node, in_list: bool = False) -> Iterator[tuple[str, Shape]]:
    """Variables whose very place makes their value matter: cursors, and values among others in a written list."""
    if isinstance(node, VariableNode):
        if in_list:
            yield node.name.value, _by_value
        return
    if isinstance(node, FieldNode):
        for argument in node.arguments or ():
            if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                yield argument.value.name.value, cursor_shape
    for key in node.keys:
        value = getattr(node, key, None)
        children = value if isinstance(value, list | tuple) else (value,)
        for child in children:
            if isinstance(child, Node) and not isinstance(child, VariableDefinitionNode):
                yield from _forced_shapes(child, isinstance(node, ListValueNode) or (in_list and key != "fields"))
