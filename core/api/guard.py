"""Limits of a document, checked before any of it is validated or run. Linear in the document; see measure.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    IntValueNode,
    ListTypeNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from core.api.errors import Entry, Refusal, entry
from core.api.measure import NESTING_MAX, PAGE_MAX, Cycle, Measure, TooDeep, Walk


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request. Source: comparison of graphql-armor, Apollo Router, Directus, Grafbase, OWASP."""

    text_chars: int = 20_000
    tokens: int = 1_500
    operations: int = 5
    fragments: int = 50
    depth: int = 10
    #: Standard introspection queries are 13 to 15 levels deep; profiles without introspection never get there.
    introspection_depth: int = 20
    #: Fields, spreads and inline fragments, expanded.
    size: int = 2_000
    #: Pairs of fields of one response path: validation compares each with each, so this bounds its time.
    pairs: int = 5_000
    aliases: int = 30
    root_fields: int = 20
    mutation_root_fields: int = 5
    directives: int = 50
    cost: int = 10_000
    #: Fields that compare a password, a code or a token: each try costs a request, whatever it is dressed in.
    secrets: int = 1


LIMITS = Limits()
#: Objects in the variables and their fields: each is coerced, and in a filter each is a piece of SQL.
ENTRIES_MAX = 4_000
#: Elements of all lists in the variables: the largest polygon and some more.
ITEMS_MAX = 20_000
NESTING_NODES = (SelectionSetNode, ListValueNode, ObjectValueNode, ListTypeNode)
#: What a variable is taken to hold while a document is admitted for all its future callers.
ValueOf = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation within limits whatever its caller sends, as long as the variables named ask for at most PAGE_MAX."""

    assumed: frozenset[str]

    def covers(self, variables: Mapping[str, Any]) -> bool:
        """True when these variables ask for no more than was assumed, so nothing need be measured again."""
        return all(_size_of(variables.get(name)) <= PAGE_MAX for name in self.assumed)


def check_document(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Refuse too many definitions and too deep nesting, of values too: everything after this may recurse."""
    operations = sum(isinstance(d, OperationDefinitionNode) for d in document.definitions)
    fragments = sum(isinstance(d, FragmentDefinitionNode) for d in document.definitions)
    _refuse(
        _over("QUERY_TOO_MANY_OPERATIONS", "操作", operations, limits.operations),
        _over("QUERY_TOO_MANY_FRAGMENTS", "片段", fragments, limits.fragments),
        _over("QUERY_TOO_DEEP", "嵌套层数", _nesting(document), NESTING_MAX),
    )


def check_fragments(document: DocumentNode) -> None:
    """Refuse fragments that no operation reaches: nothing measures them, but validation would walk them."""
    fragments = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    known = {d.name.value: d for d in fragments}
    reached: set[str] = set()
    todo: list[Node] = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    while todo:
        node = todo.pop()
        name = node.name.value if isinstance(node, FragmentSpreadNode) else ""
        if name in known and name not in reached:
            reached.add(name)
            todo.append(known[name])
        todo.extend(_children(node))
    if len(reached) < len(fragments):
        unused = sorted(known.keys() - reached)
        why = f"没有用到片段 {unused[0]}" if unused else "片段重名"
        raise Refusal([entry("GRAPHQL_VALIDATION", f"文档不合规：{why}")])


def check_nesting(variables: Mapping[str, Any], limit: int = NESTING_MAX) -> None:
    """Refuse variables nested so deeply that coercing them would exhaust the stack, or too many objects in them."""
    level: list[Any] = [v for v in variables.values() if isinstance(v, dict | list)]
    entries = items = 0
    for _ in range(limit):
        if not level:
            return
        entries += sum(len(v) + 1 for v in level if isinstance(v, dict))
        items += sum(len(v) for v in level if isinstance(v, list))
        _refuse(
            _over("QUERY_TOO_LARGE", "变量中对象的字段", entries, ENTRIES_MAX),
            _over("QUERY_TOO_LARGE", "变量中列表的元素", items, ITEMS_MAX),
        )
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
    raise Refusal([_too_much("QUERY_TOO_DEEP", "变量的嵌套层数", f"超过 {limit}", limit)])


def check_structure(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, limits: Limits = LIMITS
) -> Admitted | None:
    """Refuse what is too much for every caller. None: within limits for some variables only, measure each time."""
    _admit(schema, document, operation, lambda _: 1, limits)
    pairs = _pairs(document, operation)
    _refuse(_over("QUERY_TOO_LARGE", "同名字段的组合", pairs, limits.pairs))
    try:
        return _admit(schema, document, operation, _worst(operation), limits)
    except Refusal:
        return None


def check_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    limits: Limits = LIMITS,
) -> None:
    """Refuse one request for what its own variables ask."""
    _admit(schema, document, operation, {**_defaults(operation), **variables}.get, limits)


def _admit(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, value_of: ValueOf, limits: Limits
) -> Admitted:
    walk = Walk(schema, _fragments(document), value_of)
    try:
        measure = walk.selections(operation.selection_set, schema.get_root_type(operation.operation), 0)
    except Cycle:
        raise Refusal([entry("QUERY_FRAGMENT_CYCLE", "片段引用了自己")]) from None
    except TooDeep:
        raise Refusal([_too_much("QUERY_TOO_DEEP", "嵌套层数", f"超过 {NESTING_MAX}", limits.depth)]) from None
    measure = measure._replace(directives=measure.directives + len(operation.directives or ()))
    _refuse(*_excesses(measure, limits, operation.operation is OperationType.MUTATION))
    return Admitted(frozenset(walk.assumed))


def _excesses(measure: Measure, limits: Limits, is_mutation: bool) -> tuple[Entry | None, ...]:
    root_fields = limits.mutation_root_fields if is_mutation else limits.root_fields
    return (
        _over("QUERY_TOO_MANY_ROOT_FIELDS", "顶层字段", measure.width, root_fields),
        _over("QUERY_TOO_DEEP", "嵌套层数", measure.depth, limits.depth)
        or _over("QUERY_TOO_DEEP", "嵌套层数", measure.introspection_depth, limits.introspection_depth),
        _over("QUERY_TOO_LARGE", "展开后的选择", measure.size, limits.size),
        _over("QUERY_TOO_MANY_ALIASES", "别名", measure.aliases, limits.aliases),
        _over("QUERY_TOO_MANY_DIRECTIVES", "指令", measure.directives, limits.directives),
        _over("QUERY_TOO_EXPENSIVE", "估算成本", measure.cost, limits.cost),
        _over("QUERY_TOO_MANY_LOGINS", "核对口令、验证码或令牌的字段", measure.secrets, limits.secrets),
    )


def _pairs(document: DocumentNode, operation: OperationDefinitionNode) -> int:
    """Sum over response paths of the square of how many fields meet there. Walks spreads: only within limits.size."""
    fragments = _fragments(document)
    meetings: Counter[tuple[str, ...]] = Counter()

    def visit(node: SelectionSetNode, path: tuple[str, ...]) -> None:
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                here = (*path, (selection.alias or selection.name).value)
                meetings[here] += 1
                if selection.selection_set:
                    visit(selection.selection_set, here)
            elif isinstance(selection, FragmentSpreadNode):
                if found := fragments.get(selection.name.value):
                    visit(found.selection_set, path)
            else:
                visit(selection.selection_set, path)  # type: ignore[attr-defined]  # an inline fragment

    visit(operation.selection_set, ())
    return sum(n * n for n in meetings.values() if n > 1)


def _nesting(document: DocumentNode) -> int:
    deepest = 0
    todo: list[tuple[Node, int]] = [(node, 0) for node in document.definitions]
    while todo:
        node, depth = todo.pop()
        depth += isinstance(node, NESTING_NODES)
        deepest = max(deepest, depth)
        todo.extend((child, depth) for child in _children(node))
    return deepest


def _children(node: Node) -> Iterator[Node]:
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, list | tuple):
            yield from (v for v in value if isinstance(v, Node))


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        d.variable.name.value: int(d.default_value.value[:12])
        for d in operation.variable_definitions or ()
        if isinstance(d.default_value, IntValueNode)
    }


def _worst(operation: OperationDefinitionNode) -> ValueOf:
    """A full page, a full list, or a default that is worse than both."""
    lists = {d.variable.name.value for d in operation.variable_definitions or () if _is_list(d.type)}
    defaults = _defaults(operation)
    return lambda name: [None] * PAGE_MAX if name in lists else max(PAGE_MAX, defaults.get(name, 0))


def _is_list(node: Any) -> bool:
    return isinstance(node, ListTypeNode) or isinstance(getattr(node, "type", None), ListTypeNode)


def _size_of(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else 0


def _over(code: str, what: str, found: int, allowed: int) -> Entry | None:
    # A bomb's true count has dozens of digits and says nothing more than "far too many".
    return _too_much(code, what, str(min(found, 10**9)), allowed) if found > allowed else None


def _too_much(code: str, what: str, found: str, allowed: int) -> Entry:
    return entry(code, f"{what}过多：{found}，上限 {allowed}", hint="请拆成几次请求，或减少 first、层数和片段")


def _refuse(*entries: Entry | None) -> None:
    if found := [e for e in entries if e]:
        raise Refusal(found)
