"""One GraphQL request from text to bytes: trusted, guarded, compiled when possible, in time. Every door uses it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    create_source_event_stream,
)
from tongban_sdk import Actor, RequestError, UnavailableError

from core.api.deadline import Deadlines
from core.api.documents import Documents, Operation, TrustedDocuments
from core.api.errors import Entry, Refusal, entries_of, entry_of, refuse, request_entries, to_refusal
from core.api.writes import compile_write
from core.ops import metrics
from core.read.context import RequestContext
from core.settings import Profile

if TYPE_CHECKING:
    from core.host import Host

#: Longest time a request may take, from the first byte understood to the last byte made.
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of one request, already of the right types."""

    query: str | None = None
    digest: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


class Execution:
    """Runs requests against the generation that is current when they arrive; a request never sees two."""

    def __init__(self, host: Host, trusted: TrustedDocuments, profile: Profile, deadline_s: float = DEADLINE_S) -> None:
        self.host, self.trusted, self.deadline_s = host, trusted, deadline_s
        self.profile: Profile = profile
        self._deadlines = Deadlines(deadline_s)
        self._documents: Documents | None = None

    def documents(self, generation: Any) -> Documents:
        """Parsed and checked documents of one schema; the first request after a toggle starts anew."""
        schema = core_schema(generation)
        if self._documents is None or self._documents.schema is not schema:
            self._documents = Documents(schema, self.trusted, self.profile)
        return self._documents

    def forget(self) -> None:
        """Called at a swap, so that nothing here keeps an old schema alive."""
        self._documents = None

    async def answer(self, request: GraphQLRequest, actor: Actor, *, queries_only: bool = False) -> bytes:
        """The body of the answer of an executed operation. Raises Refusal for what was never executed."""
        started = time.perf_counter()
        kind, outcome = "unknown", "refused"
        try:
            with self._deadlines.start():
                generation = self.host.generation
                operation = self._admit(generation, request, queries_only)
                kind = operation.type.value
                body = await self._run(generation, operation, request, actor)
                outcome = "answered"
                return body
        except TimeoutError:
            outcome = "late"
            raise refuse("DEADLINE_EXCEEDED", f"请求超过 {self.deadline_s:g} 秒，已停止") from None
        finally:
            metrics.observe_operation(kind, outcome, time.perf_counter() - started)

    async def stream(self, request: GraphQLRequest, actor: Actor) -> AsyncIterator[bytes]:
        """Bodies of a subscription's events; a query or mutation yields its one answer."""
        generation = self.host.generation
        documents = self.documents(generation)
        operation = documents.operation(request.query, request.digest, request.operation_name, request.variables)
        if operation.type is not OperationType.SUBSCRIPTION:
            yield await self.answer(request, actor)
            return
        executor = self.executor(generation, operation, request, actor)
        source: Any = create_source_event_stream(executor)
        if isinstance(source, Awaitable):
            source = await source
        if isinstance(source, ExecutionResult):
            raise Refusal(entries_of(source.errors or (), operation=operation.name))
        metrics.SUBSCRIPTIONS.inc()
        try:
            async for event in source:
                result: Any = executor.build_per_event_executor(event).execute_operation()
                yield encode(await result if isinstance(result, Awaitable) else result, operation)
        finally:
            metrics.SUBSCRIPTIONS.dec()
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _admit(self, generation: Any, request: GraphQLRequest, queries_only: bool) -> Operation:
        documents = self.documents(generation)
        operation = documents.operation(request.query, request.digest, request.operation_name, request.variables)
        if queries_only and operation.type is not OperationType.QUERY:
            raise refuse("METHOD_NOT_ALLOWED", "GET 只能查询", headers={"allow": "POST"})
        if operation.type is OperationType.SUBSCRIPTION:
            raise refuse("BAD_REQUEST", "订阅请使用 WebSocket（graphql-transport-ws）")
        return operation

    async def _run(self, generation: Any, operation: Operation, request: GraphQLRequest, actor: Actor) -> bytes:
        run = self._run_compiled if operation.type is OperationType.QUERY else self._run_write
        compiled = await run(generation, operation, request, actor)
        if compiled is not None:
            return compiled
        executor = self.executor(generation, operation, request, actor)
        result: Any = executor.execute_operation()
        if isinstance(result, Awaitable):
            result = await result
        return encode(result, operation)

    async def _run_compiled(
        self, generation: Any, operation: Operation, request: GraphQLRequest, actor: Actor
    ) -> bytes | None:
        """None: take the ordinary path, which also words every error that belongs to a field."""
        try:
            compiled = generation.reader.compile(operation.document, operation.name, request.variables, actor)
            if compiled is None:
                return None
            data: bytes = await compiled.run(self.host.database, actor, request.variables)
        except RequestError:
            return None
        metrics.COMPILED.counts[()] += 1
        return b'{"data":%b}' % data

    async def _run_write(
        self, generation: Any, operation: Operation, request: GraphQLRequest, actor: Actor
    ) -> bytes | None:
        """None: nothing was written; the ordinary path tries again and words the error."""
        compiled = compile_write(generation, operation.document, operation.name, request.variables, actor)
        if compiled is None:
            return None
        try:
            return b'{"data":%b}' % await compiled.run(self.host.database, actor, self.host)
        except UnavailableError as error:
            # A connection may break after the commit: whoever tried again might write twice.
            back = compiled.back
            located = GraphQLError(error.message, back.node, path=[back.key], original_error=error)
            return encode(ExecutionResult({back.key: None}, [located]), operation)
        except RequestError:
            return None

    def executor(self, generation: Any, operation: Operation, request: GraphQLRequest, actor: Actor) -> Executor[Any]:
        """An executor with coerced variables, or a Refusal."""
        context = RequestContext(generation=generation, actor=actor, database=self.host.database, host=self.host)
        built = Executor.build(
            core_schema(generation),
            operation.document,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=operation.name,
            hide_suggestions=True,
        )
        if isinstance(built, list):
            raise Refusal(request_entries("BAD_VARIABLES", "变量不合规", built))
        return built


def core_schema(generation: Any) -> GraphQLSchema:
    """graphql-core's schema inside the strawberry one (HostSchema)."""
    schema: GraphQLSchema = getattr(generation.schema, "_schema", generation.schema)
    return schema


def encode(result: ExecutionResult, operation: Operation) -> bytes:
    """The bytes of an executed operation; `errors` first, as the specification advises."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = entries_of(result.errors, operation=operation.name)
    body["data"] = result.data
    return orjson.dumps(body)


def refusal_of(error: Exception) -> Refusal:
    """Any exception as a refusal; a bug becomes a masked one."""
    return to_refusal(error) if isinstance(error, RequestError) else Refusal([entry_of(error)])


def encode_errors(entries: list[Entry]) -> bytes:
    return orjson.dumps({"errors": entries})
