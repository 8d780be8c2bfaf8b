"""The reader of one generation: compiled operations, and the same planner for fields that graphql-core resolves."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    get_named_type,
)
from tongban_sdk.actor import Actor
from tongban_sdk.errors import RequestError

from core.access import AccessModel
from core.audit import Audit
from core.crypto import Vault
from core.manifest.model import Entity, World
from core.read.opener import Limits, Opener, in_place
from core.read.operation import BadVariables, Operation, analyse
from core.read.picks import KEY_BYTES_MAX
from core.read.plan import Compiled, Plan, ReadBack
from core.read.planner import Planner
from core.read.roots import READS, RootField
from core.read.rows import Access
from core.read.selection import Leaf, NotPlannable, Request
from core.read.statement import Statement
from core.store.dialect import Dialect

OPERATIONS_MAX = 1000
#: Text of all kept plans. Whoever may shape a filter can make as many plans as he likes, each of any size.
PLANS_MAX_CHARS = 16_000_000
#: What a plan weighs beside its text.
PLAN_CHARS = 500


class Reader:
    """Plans live and die with the generation; equal rules share them."""

    def __init__(
        self, world: World, access: AccessModel, vault: Vault | None = None, audit: Audit | None = None,
        limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.world = world
        self.access = access
        self.opener = Opener(vault, audit, limits)
        self._schema: GraphQLSchema
        self._dialect: Dialect
        self._operations: OrderedDict[tuple[int, str | None], Operation | None] = OrderedDict()
        self._keys: OrderedDict[frozenset[str], Hashable] = OrderedDict()
        #: Every kept plan and its weight, the oldest first.
        self._kept: deque[tuple[dict[Hashable, Any], Hashable, int]] = deque()
        self._kept_chars = 0

    def use(self, schema: GraphQLSchema, dialect: Dialect) -> None:
        """Say which schema documents are validated against, and which database answers. Called once, first."""
        self._schema, self._dialect = schema, dialect

    def compile(
        self,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        actor: Actor,
        *,
        now: datetime | None = None,
    ) -> Compiled | None:
        """The whole operation as one statement; None: take the ordinary path, which also words every error."""
        operation = self._operation(document, operation_name)
        if operation is None:
            return None
        try:
            coerced = operation.coerce(self._schema, variables)
            plan = self._plan(operation, coerced, actor)
            return Compiled(plan, plan.text(actor), plan.bind(actor, coerced, now)) if plan else None
        except (BadVariables, RequestError):
            return None

    def compile_back(
        self, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any], actor: Actor
    ) -> ReadBack | None:
        """A mutation of exactly one manifest field, ready to be answered; None: take the ordinary path."""
        operation = self._operation(document, operation_name)
        if operation is None or operation.node.operation is not OperationType.MUTATION:
            return None
        try:
            coerced = operation.coerce(self._schema, variables)
            key = (self._key(actor.roles), operation.shape(coerced))
            plans = operation.plans
            if key in plans:
                found = plans[key]
            else:
                found = self._back_plan(operation, coerced, actor)
                self._keep(plans, key, found, found[4] if found else None)
        except (BadVariables, RequestError):
            return None
        return None if found is None else ReadBack(found[0], found[1], found[2], found[3], coerced, found[4])

    def _back_plan(
        self, operation: Operation, coerced: Mapping[str, Any], actor: Actor
    ) -> tuple[str, RootField, GraphQLField, FieldNode, Plan | None] | None:
        mutation = self._schema.mutation_type
        if mutation is None or operation.node.directives or _has_long_key(operation.document):
            return None
        planner = self._planner(Request(operation.fragments, coerced), actor)
        try:
            fields = planner.request.fields(mutation, (operation.node.selection_set,))
            if len(fields) != 1:
                return None
            (key, nodes), *_ = fields.items()
            field = mutation.fields.get(nodes[0].name.value)
            root: RootField | None = field.extensions.get("root") if field else None
            if field is None or root is None:
                return None
            plan = None
            type_ = get_named_type(field.type)
            if isinstance(type_, GraphQLObjectType) and planner.access.rules(root.entity):
                planner.statement.sights.begin("", root.entity)
                sql = planner.by_id(root.entity, type_, nodes, Leaf(None, itemgetter(ReadBack.ID)))
                plan = Plan.of(f"SELECT {sql}", planner.statement, self.opener)
        except NotPlannable:
            return None
        return key, root, field, nodes[0], plan

    def _operation(self, document: DocumentNode, name: str | None) -> Operation | None:
        key = (id(document), name)
        known = self._operations
        operation = known.get(key)
        if operation is not None and operation.document is document:
            known.move_to_end(key)
            return operation
        operation = known[key] = analyse(self._schema, document, name)
        if len(known) > OPERATIONS_MAX:
            known.popitem(last=False)
        return operation

    def _plan(self, operation: Operation, coerced: Mapping[str, Any], actor: Actor) -> Plan | None:
        key = (self._key(actor.roles), operation.shape(coerced))
        plans = operation.plans
        if key in plans:
            plan: Plan | None = plans[key]
            return plan
        plan = self._compiled_plan(operation, coerced, actor)
        self._keep(plans, key, plan, plan)
        return plan

    def _keep(self, plans: dict[Hashable, Any], key: Hashable, made: Any, plan: Plan | None) -> None:
        plans[key] = made
        chars = PLAN_CHARS + (len(plan.sql) if plan else 0)
        self._kept.append((plans, key, chars))
        self._kept_chars += chars
        while self._kept_chars > PLANS_MAX_CHARS:
            oldest, oldest_key, chars = self._kept.popleft()
            oldest.pop(oldest_key, None)
            self._kept_chars -= chars

    def _key(self, roles: frozenset[str]) -> Hashable:
        key = self._keys.get(roles)
        if key is None:
            key = self._keys[roles] = self.access.key(roles)
            if len(self._keys) > OPERATIONS_MAX:
                self._keys.popitem(last=False)
        return key

    def _compiled_plan(self, operation: Operation, coerced: Mapping[str, Any], actor: Actor) -> Plan | None:
        if operation.node.operation is not OperationType.QUERY or operation.node.directives:
            return None
        query = self._schema.query_type
        assert query is not None
        planner = self._planner(Request(operation.fragments, coerced), actor)
        pairs = []
        try:
            for key, nodes in planner.request.fields(query, (operation.node.selection_set,)).items():
                pairs.append((key, self._root_sql(planner, query, key, nodes)))
        except NotPlannable:
            return None
        if _has_long_key(operation.document):
            return None
        return Plan.of(f"SELECT {planner.statement.json.object(pairs)}", planner.statement, self.opener)

    @staticmethod
    def _root_sql(planner: Planner, query: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return planner.statement.json.text(query.name)
        field = query.fields.get(name)
        root: RootField | None = field.extensions.get("root") if field else None
        if field is None or root is None or root.kind not in READS:
            raise NotPlannable(name)
        planner.statement.sights.begin(key, root.entity)
        return planner.root(root, field, nodes)

    def _planner(self, request: Request, actor: Actor) -> Planner:
        return Planner(
            Statement.start(self._dialect, self.world, self.opener.vault), Access(self.access, actor.roles), request
        )

    async def resolve(self, info: Any, root: RootField, arguments: Mapping[str, Any]) -> Any:
        """The ordinary path: plan one root field; everything below it is picked from what comes back."""
        field: GraphQLField = info.parent_type.fields[info.field_name]
        planner = self._planner(_request(info), info.context.actor)
        planner.statement.sights.begin("", root.entity)

        plan = Plan.of(f"SELECT {planner.root(root, field, info.field_nodes)}", planner.statement, self.opener)
        text = await self._fetch(info, plan, planner.request.variables)
        return None if text is None else await plan.opened(text, info.context.actor, in_place)

    async def row(self, info: Any, entity: Entity, type_: GraphQLObjectType, id: str) -> Any:
        """One row by id for the selection of `info`: after a mutation, or named by a hand-written field."""
        [found] = await self._rows(info, entity, type_, [id], listed=False)
        return found

    async def rows(self, info: Any, entity: Entity, type_: GraphQLObjectType, ids: Sequence[str]) -> list[Any]:
        """Rows by id as a hand-written field lists them; one the caller may not see is left out."""
        found = await self._rows(info, entity, type_, ids, listed=True)
        return [row for row in found if row is not None]

    async def _rows(
        self, info: Any, entity: Entity, type_: GraphQLObjectType, ids: Sequence[str], *, listed: bool
    ) -> list[Any]:
        planner = self._planner(_request(info), info.context.actor)
        if not planner.access.rules(entity):
            return [None] * len(ids)
        planner.statement.sights.begin("", entity)
        sql = planner.by_id(entity, type_, info.field_nodes, Leaf(None, itemgetter(ReadBack.ID)), listed=listed)
        plan = Plan.of(f"SELECT {sql}", planner.statement, self.opener)
        variables = planner.request.variables
        texts = await asyncio.gather(*(self._fetch(info, plan, {**variables, ReadBack.ID: id}) for id in ids))
        # Opened together: one line of the audit tells of them all.
        together = f"[{','.join(text or 'null' for text in texts)}]"
        rows: list[Any] = await plan.opened(together, info.context.actor, in_place)
        return rows

    @staticmethod
    async def _fetch(info: Any, plan: Plan, variables: Mapping[str, Any]) -> str | None:
        context = info.context
        arguments = plan.bind(context.actor, variables, context.now)
        text: str | None = await context.database.fetch_value(plan.text(context.actor), arguments)
        return text


def _request(info: Any) -> Request:
    # graphql-core hands over a container, strawberry's executor the plain dict.
    variables = getattr(info.variable_values, "coerced", info.variable_values)
    return Request(info.fragments, variables)


def _has_long_key(node: Any) -> bool:
    """A response key that Postgres would cut: only the ordinary path renames it."""
    if isinstance(node, FieldNode) and len((node.alias or node.name).value) > KEY_BYTES_MAX:
        return True
    children: Sequence[Any] = (
        getattr(node, "definitions", ()) or getattr(getattr(node, "selection_set", None), "selections", ()) or ()
    )
    return any(_has_long_key(child) for child in children)
