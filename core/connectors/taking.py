"""What a message sets off: a case of an item, or a step of the case it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError, UnavailableError

from core.access.service import service_actor
from core.cases.filing import Filing, file_in
from core.cases.holding import system_step
from core.cases.live import Engine
from core.connectors.following import go_on
from core.expr import Expr, evaluate
from core.expr.tree import Path
from core.fields.times import utc_now
from core.manifest.connectors import Connector, Opening, Operation
from core.manifest.message_shape import at, values_of
from core.store.connector_tables import CONNECTOR_CALL, CONNECTOR_MESSAGE
from core.store.database import Transaction
from core.store.dialect import quote
from core.store.json_values import to_json
from core.store.statement import statement
from core.store.tables import table_of


@dataclass(frozen=True, slots=True)
class Message:
    """One that fits its schema, in the name of who sent it."""

    connector: Connector
    operation: Operation
    values: Mapping[str, Any]
    actor: Actor

    @property
    def number(self) -> str:
        return str(at(self.values, self.operation.number))

    def filled(self, exprs: Mapping[str, Expr]) -> dict[str, Any]:
        """Values of fields as forms take them; what the message leaves out is left out."""
        row = values_of(self.operation.request, self.values)
        found = {name: to_json(evaluate(expr, row, {}, utc_now())) for name, expr in exprs.items()}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Taken:
    """What the sender is answered."""

    number: str
    case_number: str
    #: False: heard, and nothing follows from it.
    is_taken: bool = True
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The case a message is about, and the action that follows; "" = none."""

    case_id: str
    action: str


async def find_case(engine: Engine, tx: Transaction, message: Message) -> Known | None:
    """None = the message opens one; NotFoundError for a number nobody knows (yet)."""
    following = message.operation.following
    if following is None:
        return None
    number = str(at(message.values, following.number))
    event = str(at(message.values, following.by)) if following.by else ""
    source = message.connector.operations[following.of]
    table = CONNECTOR_MESSAGE if source.direction == "in" else CONNECTOR_CALL
    column = "NULL" if source.direction == "in" else "follow"
    text = (
        f"SELECT case_id, {column} FROM {table.name} WHERE connector = {{connector}} AND operation = {{operation}} "
        "AND number = {number} AND case_id IS NOT NULL ORDER BY id LIMIT 1"
    )
    named = {"connector": message.connector.key, "operation": source.id, "number": number}
    rows = await tx.fetch(*statement(engine.database.dialect, table, text, **named))
    if not rows:
        raise NotFoundError(f"没有编号为 {number[:100]} 的“{source.title}”", hint="请稍后再发，或核对编号")
    actions: Mapping[str, str] = following.actions
    if table is CONNECTOR_CALL:
        actions = engine.database.dialect.load(CONNECTOR_CALL.by_name["follow"], rows[0][1])["events"]
    return Known(engine.database.dialect.load(table.by_name["case_id"], rows[0][0]), actions.get(event, ""))


async def open_one(engine: Engine, tx: Transaction, message: Message, id: str) -> str:
    """A case of the item the message asks for; its number. In the rights of the item's application."""
    opening = message.operation.opening
    assert opening is not None
    key = opening.services.get(str(at(message.values, opening.by)) if opening.by else "")
    if key is None:
        problem = InputProblem(tuple(opening.by.split(".")), "没有这一类的事项", "connector.kind")
        raise InvalidInputError("报文没有对应的事项", [problem])
    plugin_id = key.partition(".")[0]
    if plugin_id not in engine.live().world.plugins:
        raise UnavailableError("收报文的应用没有启用", retry_after_s=60)
    service = engine.definitions.newest(engine.live().world, key, utc_now())
    actor = replace(message.actor, roles=service_actor(plugin_id).roles, division=await _division(engine, tx, message))
    try:
        case = await file_in(engine, tx, Filing(actor, service, message.filled(opening.values), opening.channel), id)
    except InvalidInputError as error:
        raise _told(error, opening) from None
    return case.number


async def act_on(engine: Engine, tx: Transaction, message: Message, known: Known) -> str:
    """The step that follows, or nothing but the line of the message. ConflictError where the case cannot take it."""
    step = await system_step(engine, tx, known.case_id, known.action or message.operation.id)
    if not known.action:
        return step.case.number
    following = message.operation.following
    assert following is not None
    facts = {"connector": message.connector.key, "operation": message.operation.id}
    if not await go_on(step, known.action, message.filled(following.values), facts):
        raise ConflictError(f"办件现在是“{step.state.title}”，不能照这条报文往下办", hint="请核对后再发")
    return step.case.number


async def _division(engine: Engine, tx: Transaction, message: Message) -> str | None:
    opening = message.operation.opening
    assert opening is not None
    if not opening.division:
        return None
    code = at(message.values, opening.division)
    table = table_of(engine.live().world.entities["core.division"])
    text = f"SELECT 1 FROM {quote(table.name)} WHERE code = {{code}} AND deleted_at IS NULL"
    if code is not None and not await tx.fetch(*statement(engine.database.dialect, table, text, code=code)):
        # Nobody works there: the case would be seen by nobody.
        problem = InputProblem(tuple(opening.division.split(".")), "没有这个区划", "division.unknown")
        raise InvalidInputError("报文里的区划不存在", [problem])
    return None if code is None else str(code)


def _told(error: InvalidInputError, opening: Opening) -> InvalidInputError:
    """The same in the sender's words: where in his message it stands."""

    def place(problem: InputProblem) -> InputProblem:
        expr = opening.values.get(str(problem.path[1])) if len(problem.path) > 1 else None
        return replace(problem, path=expr.names) if isinstance(expr, Path) else problem

    return InvalidInputError(error.message, [place(problem) for problem in error.problems], hint=error.hint)
