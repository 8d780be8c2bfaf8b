"""From selections to SQL: one statement for a whole operation, whatever its depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from core.fields.base import Field
from core.fields.column import Column
from core.fields.refs import Ref
from core.fields.sealed import is_sealed
from core.manifest.model import Entity
from core.read.canonical import canonical_id
from core.read.filters import where_sql
from core.read.floor import CellGroups, Cells
from core.read.paging import after_sql, cursor_values, leaf, order_keys
from core.read.picks import column_key
from core.read.roots import RootField
from core.read.rows import Access, Rows
from core.read.selection import Leaf, NotPlannable, Request, Tree
from core.read.statement import Statement
from core.read.stats import Groups
from core.store.dialect import quote

_ID = Column("id", "uuid", null=False)
#: Number of a row inside its page; no column of an entity is called so.
_NUMBER = '"#"'
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the selections of one operation for one set of rules."""

    statement: Statement
    access: Access
    request: Request

    def root(self, root: RootField, field: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        """JSON of one root field."""
        arguments = self.request.arguments(field, nodes[0])
        if root.kind == "stats":
            return self._stats(root.entity, field, nodes, arguments)
        rows = Rows.root(self.statement, self.access, root.entity, listed=root.kind != "get")
        type_ = _object(field)
        match root.kind:
            case "get":
                return self._one(rows, type_, nodes, arguments["id"])
            case "list":
                return self._connection(rows, type_, field, nodes, arguments, "")
            case _:
                raise NotPlannable(root.kind)

    def _stats(
        self, entity: Entity, field: GraphQLField, nodes: Sequence[FieldNode], arguments: dict[str, Tree]
    ) -> str:
        """Exact over the rows the caller reads; over protected cells for who reads none, or asks for it."""
        groups: Groups
        if leaf(arguments.get("protected")) or not self.access.rules(entity):
            groups = CellGroups(self.request, Cells.of(self.statement, self.access, entity), arguments)
        else:
            groups = Groups(self.request, Rows.root(self.statement, self.access, entity, listed=True), arguments)
        return groups.sql(field, nodes, arguments)

    def by_id(
        self, entity: Entity, type_: GraphQLObjectType, nodes: Sequence[FieldNode], id: Leaf, *, listed: bool = False
    ) -> str:
        """One row a mutation has just written, or a custom field has named (`listed`: as one of many)."""
        return self._one(Rows.root(self.statement, self.access, entity, listed=listed), type_, nodes, id)

    def _one(self, rows: Rows, type_: GraphQLObjectType, nodes: Sequence[FieldNode], id: Tree) -> str:
        assert isinstance(id, Leaf)
        mark = self.statement.value(id, _ID, canonical_id)
        pairs = self._pairs(rows, type_, nodes)
        return self.statement.json.object(
            pairs, f"{rows.source} WHERE {rows.scope.name('id')} = {mark} AND {rows.predicate(by_key=True)}"
        )

    def _fields(
        self, type_: GraphQLObjectType, nodes: Iterable[FieldNode]
    ) -> Iterable[tuple[str, str, GraphQLField | None, list[FieldNode]]]:
        """Column key, field name, definition (None for __typename) and nodes of each response key."""
        selections = [node.selection_set for node in nodes if node.selection_set]
        for key, found in self.request.fields(type_, selections).items():
            name = found[0].name.value
            yield column_key(key), name, type_.fields.get(name), found

    def _pairs(self, rows: Rows, type_: GraphQLObjectType, nodes: Iterable[FieldNode]) -> list[Pair]:
        found = list(self._fields(type_, nodes))
        pairs = [(key, self._value(rows, type_, definition, some)) for key, _, definition, some in found]
        fields = [d.extensions["field"] for _, _, d, _ in found if d is not None and "field" in d.extensions]
        return [*pairs, *rows.seen(fields)]

    def _value(
        self, rows: Rows, type_: GraphQLObjectType, definition: GraphQLField | None, nodes: list[FieldNode]
    ) -> str:
        if definition is None:
            return self.statement.json.text(type_.name)
        extensions = definition.extensions
        if "inverse" in extensions:
            return self._inverse(rows, definition, nodes, *extensions["inverse"])
        if "ref" in extensions:
            return self._to_one(rows, definition, nodes, extensions["field"])
        if "masked" in extensions:
            return rows.masked_names()
        if "field" not in extensions:
            raise NotPlannable(nodes[0].name.value)
        field: Field = extensions["field"]
        return self._point(rows, definition, nodes, field) if field.type == "point" else rows.value(field)

    def _point(self, rows: Rows, definition: GraphQLField, nodes: list[FieldNode], field: Field) -> str:
        json, type_ = self.statement.json, _object(definition)
        names = [(key, name) for key, name, _, _ in self._fields(type_, nodes)]

        def plain(lng: str, lat: str) -> str:
            values = {"lng": json.degrees(lng), "lat": json.degrees(lat), "crs": json.text("CGCS2000")}
            values["__typename"] = json.text(type_.name)
            return json.object([(key, values[name]) for key, name in names])

        typename = {"__typename": type_.name}
        return rows.point(field, plain, lambda point: {key: (point | typename)[name] for key, name in names})

    def _to_one(self, rows: Rows, definition: GraphQLField, nodes: list[FieldNode], ref: Ref) -> str:
        target = rows.find_target(ref)
        if target is None or rows.view(ref).clear.never or is_sealed(ref):
            return "NULL"
        pairs = self._pairs(target, _object(definition), nodes)
        source = f"{target.source} WHERE {target.joined_on(rows, ref)}"
        return rows.guarded(ref, self.statement.json.object(pairs, source))

    def _inverse(self, rows: Rows, definition: GraphQLField, nodes: list[FieldNode], other: Entity, ref: Ref) -> str:
        many = rows.find_other(other)
        if many is None or many.view(ref).clear.never or is_sealed(ref):
            return "NULL"
        arguments = self.request.arguments(definition, nodes[0])
        # Rows whose ref the actor may not read in clear must not give it away by standing in this list.
        link = f"{many.scope.name(ref.column_name)} = {rows.scope.name('id')}"
        if not many.view(ref).is_clear:
            link += f" AND {many.view(ref).clear.sql(many.scope)}"
        return self._connection(many, _object(definition), definition, nodes, arguments, link)

    def _connection(
        self,
        rows: Rows,
        type_: GraphQLObjectType,
        definition: GraphQLField,
        nodes: Sequence[FieldNode],
        arguments: dict[str, Tree],
        link: str,
    ) -> str:
        where_type: Any = definition.args["where"].type
        where = where_sql(self.statement, rows, where_type, arguments.get("where", Leaf(None)), ("where",))
        parts = (rows.predicate(by_key=bool(link)), link, where)
        condition = " AND ".join(part for part in parts if part and part != "TRUE")
        # From here on only the selection decides which columns the page carries.
        rows.scope.used.clear()
        page = Page(self, rows, definition, arguments, condition)
        pairs = [
            (key, page.part(type_, name, definition_, found))
            for key, name, definition_, found in self._fields(type_, nodes)
        ]
        return page.wrapped(pairs)


class Page:
    """One connection: its page is read once, whichever of its parts are selected."""

    def __init__(
        self, planner: Planner, rows: Rows, definition: GraphQLField, arguments: dict[str, Tree], condition: str
    ) -> None:
        self._planner = planner
        self._statement = planner.statement
        self._json = planner.statement.json
        self._rows = rows
        self._condition = condition
        self._after = arguments.get("after")
        self._size = int(leaf(arguments.get("first")) or definition.args["first"].default_value)
        self._keys = order_keys(rows, arguments.get("orderBy"))
        self._name = f"p{rows.alias}"
        self._parts = 0
        self._has_more = False

    def part(self, type_: GraphQLObjectType, name: str, definition: GraphQLField | None, nodes: list[FieldNode]) -> str:
        if definition is None:
            return self._json.text(type_.name)
        if name == "totalCount":
            return f"(SELECT count(*) FROM {self._rows.source} WHERE {self._condition})"
        self._parts += 1
        inner = _object(definition)
        match name:
            case "nodes":
                return self._objects(self._planner._pairs(self._rows, inner, nodes))
            case "edges":
                return self._objects([self._edge(inner, *found) for found in self._planner._fields(inner, nodes)])
            case "pageInfo":
                self._parts += 1
                pairs = [
                    (key, self._info(info) if field else self._json.text(inner.name))
                    for key, info, field, _ in self._planner._fields(inner, nodes)
                ]
                return self._json.object(pairs)
        raise NotPlannable(name)

    def _edge(
        self, type_: GraphQLObjectType, key: str, name: str, definition: GraphQLField | None, nodes: list[FieldNode]
    ) -> Pair:
        if definition is None:
            return key, self._json.text(type_.name)
        if name == "cursor":
            return key, self._cursor()
        return key, self._json.object(self._planner._pairs(self._rows, _object(definition), nodes))

    def _cursor(self) -> str:
        return self._json.hex_array(cursor_values(self._statement, self._keys))

    def _objects(self, pairs: list[Pair]) -> str:
        return self._json.objects(pairs, f"{{page}} {self._rows.alias}")

    def _info(self, name: str) -> str:
        numbered = f"{self._name} {self._rows.alias}"
        match name:
            case "hasNextPage":
                self._has_more = True
                return self._json.boolean(f"EXISTS (SELECT 1 FROM {self._name} WHERE {_NUMBER} > {self._size})")
            case "hasPreviousPage":
                return self._json.constant(leaf(self._after) is not None)
            case "startCursor":
                return f"(SELECT {self._cursor()} FROM {numbered} WHERE {_NUMBER} = 1)"
            case _:
                inside = f"{_NUMBER} <= {self._size} ORDER BY {_NUMBER} DESC LIMIT 1"
                return f"(SELECT {self._cursor()} FROM {numbered} WHERE {inside})"

    def wrapped(self, pairs: list[Pair]) -> str:
        """The connection's object; its page is a common table expression when more than one part reads it."""
        if not self._parts:
            return self._json.object(pairs)
        # The columns are known only now: every expression of the selection has asked for its own.
        columns = ", ".join(f"{self._rows.alias}.{quote(name)}" for name in self._rows.scope.used)
        after = after_sql(self._statement, self._keys, self._after)
        order = ", ".join(key.order for key in self._keys)
        limit = self._size + 1 if self._has_more else self._size
        condition = self._condition if after == "TRUE" else f"{self._condition} AND {after}"
        page = f"SELECT {columns} FROM {self._rows.source} WHERE {condition} ORDER BY {order} LIMIT {limit}"
        if self._parts == 1:
            return self._json.object(_filled(pairs, f"({page})"))
        view = f"(SELECT * FROM {self._name} WHERE {_NUMBER} <= {self._size} ORDER BY {_NUMBER})"
        numbered = f"SELECT q.*, row_number() OVER () AS {_NUMBER} FROM ({page}) q"
        return f"(WITH {self._name} AS ({numbered}) SELECT {self._json.object(_filled(pairs, view))})"


def _filled(pairs: list[Pair], page: str) -> list[Pair]:
    return [(key, sql.replace("{page}", page)) for key, sql in pairs]


def _object(field: GraphQLField) -> GraphQLObjectType:
    named = get_named_type(field.type)
    assert isinstance(named, GraphQLObjectType)
    return named
