"""What an operation asks for: fields by response key, arguments as trees that know their variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
)
from graphql.execution import VariableValues
from graphql.utilities.coerce_input_value import coerce_input_literal


class NotPlannable(Exception):
    """The planner leaves this to graphql-core."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of an argument. `read` finds it in the variables of any request; None = written in the document."""

    value: Any
    read: Callable[[Mapping[str, Any]], Any] | None = None


#: dict = input object, list = list of input objects.
Tree = Leaf | dict[str, "Tree"] | list["Tree"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is the same for every selection of one operation."""

    fragments: Mapping[str, FragmentDefinitionNode]
    #: Coerced variables.
    variables: Mapping[str, Any]

    def fields(self, type_: GraphQLObjectType, selections: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Fields by response key in the order of the answer (GraphQL specification, CollectFields)."""
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in selections:
            self._collect(type_, selection_set, found, seen)
        return found

    def _collect(
        self,
        type_: GraphQLObjectType,
        selection_set: SelectionSetNode,
        found: dict[str, list[FieldNode]],
        seen: set[str],
    ) -> None:
        for node in selection_set.selections:
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or node.type_condition.name.value == type_.name:
                    self._collect(type_, node.selection_set, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if fragment.type_condition.name.value == type_.name:
                    self._collect(type_, fragment.selection_set, found, seen)

    def _is_included(self, node: Any) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name not in ("skip", "include"):
                raise NotPlannable(name)
            if self._flag(directive.arguments[0].value) is (name == "skip"):
                return False
        return True

    def _flag(self, node: ValueNode) -> bool:
        if isinstance(node, VariableNode):
            return bool(self.variables[node.name.value])
        return bool(node.value)  # type: ignore[attr-defined]  # validation has seen to a boolean literal

    def arguments(self, field: GraphQLField, node: FieldNode) -> dict[str, Tree]:
        """Arguments given or defaulted; one whose variable is absent is absent."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        trees: dict[str, Tree] = {}
        for name, argument in field.args.items():
            value = given.get(name)
            tree = self._tree(value, argument.type) if value is not None else None
            if tree is not None:
                trees[name] = tree
            elif argument.default_value is not Undefined:
                trees[name] = Leaf(argument.default_value)
        return trees

    def _tree(self, node: ValueNode, type_: GraphQLInputType) -> Tree | None:
        type_ = _nullable(type_)
        if isinstance(node, VariableNode):
            name = node.name.value
            return tree_of(self.variables[name], type_, (name,)) if name in self.variables else None
        if isinstance(node, NullValueNode):
            return Leaf(None)
        if isinstance(type_, GraphQLList) and is_branch(type_.of_type):
            nodes = node.values if isinstance(node, ListValueNode) else (node,)
            return [self._tree(item, type_.of_type) or Leaf(None) for item in nodes]
        if is_branch(type_) and isinstance(node, ObjectValueNode):
            return self._object_tree(node, _nullable(type_))
        read = _literal(node, type_)
        # A list or a point written around variables is another one in the next request of the same plan.
        return Leaf(read(self.variables), read if any(_variables(node)) else None)

    def _object_tree(self, node: ObjectValueNode, type_: Any) -> Tree:
        given = {field.name.value: field.value for field in node.fields}
        trees: dict[str, Tree] = {}
        for name, field in type_.fields.items():
            tree = self._tree(given[name], field.type) if name in given else None
            if tree is not None:
                trees[name] = tree
            elif field.default_value is not Undefined:
                trees[name] = Leaf(field.default_value)
        return trees


def tree_of(value: Any, type_: GraphQLInputType, path: tuple[str | int, ...]) -> Tree:
    """The tree of a coerced variable."""
    type_ = _nullable(type_)
    if value is None or not is_branch(type_):
        return Leaf(value, _reader(path))
    if isinstance(type_, GraphQLList):
        return [tree_of(item, type_.of_type, (*path, i)) for i, item in enumerate(value)]
    fields = type_.fields  # type: ignore[union-attr]  # a branch that is no list is an input object
    return {name: tree_of(item, fields[name].type, (*path, name)) for name, item in value.items()}


def _reader(path: tuple[str | int, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """Walks into coerced variables; the shape in the plan key says that every step is there."""
    if len(path) == 1:
        return itemgetter(path[0])

    def read(value: Any) -> Any:
        for step in path:
            value = value[step]
        return value

    return read


def _literal(node: ValueNode, type_: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda variables: coerce_input_literal(node, type_, VariableValues({}, dict(variables)))


def _variables(node: ValueNode) -> Iterator[bool]:
    """True once for each variable inside a written value."""
    if isinstance(node, VariableNode):
        yield True
    elif isinstance(node, ListValueNode):
        for item in node.values:
            yield from _variables(item)
    elif isinstance(node, ObjectValueNode):
        for field in node.fields:
            yield from _variables(field.value)


def is_branch(type_: GraphQLInputType) -> bool:
    """Input objects shape the SQL; every other value is a parameter."""
    type_ = _nullable(type_)
    if isinstance(type_, GraphQLList):
        return is_branch(type_.of_type)
    return isinstance(type_, GraphQLInputObjectType) and "leaf" not in type_.extensions


def _nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_
