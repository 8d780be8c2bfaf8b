"""Messages of outside systems: signed, used once, held against their schema, taken in once under their number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    RequestError,
)

from core.access.service import service_actor
from core.audit import Entry
from core.cases.holding import case_of
from core.cases.live import Engine
from core.connectors import signing
from core.connectors.taking import Message, Taken, act_on, find_case, open_one
from core.fields.json_schema import problems_of
from core.fields.times import utc_now
from core.manifest.connectors import Connector, Operation, connector_of
from core.manifest.message_shape import at
from core.store.connector_tables import CONNECTOR_MESSAGE, CONNECTOR_NONCE
from core.store.database import Insert, Transaction
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.statement import statement

NUMBER_MAX_CHARS = 200
REFUSED = "签名无效或已过期"
HINT = "检查密钥、签名的内容和时钟；每次请求换一个 nonce"


@dataclass(frozen=True, slots=True)
class Request:
    """As it came: `headers` in lower case, `path` as it was signed."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Receiving:
    engine: Engine
    secrets_dir: Path

    async def receive(self, key: str, operation_id: str, request: Request) -> Taken:
        """RequestError for everything that is not taken in; nothing is half taken in. Told to the audit either way."""
        connector = connector_of(self.engine.live().world, key)
        actor = replace(service_actor(connector.plugin_id if connector else "core"), id=f"connector:{key}"[:100])
        try:
            if connector is None:
                raise NotAuthenticatedError(REFUSED, hint=HINT)
            await self._authenticate(connector, request)
            operation = connector.operations.get(operation_id)
            if operation is None or operation.direction != "in":
                raise NotFoundError(f"“{connector.title}”没有收进来的操作 {operation_id[:50]}")
            return await self._take(Message(connector, operation, _read(operation, request.body), actor))
        except RequestError as error:
            detail = f"{key[:100]}.{operation_id[:50]}"
            await self.engine.audit.record(Entry(actor, "connector.receive", result=error.code, detail=detail))
            raise

    async def _authenticate(self, connector: Connector, request: Request) -> None:
        """Unknown, unsigned, too old and used look alike."""
        keys = signing.keys_of(self.secrets_dir, connector.key)
        signed = (connector.signature, keys, request.headers, "POST", request.path, request.body)
        if not signing.is_signed(*signed):
            raise NotAuthenticatedError(REFUSED, hint=HINT)
        id = hashlib.sha256(f"{connector.key}\0{request.headers[signing.NONCE]}".encode()).hexdigest()
        try:
            await self.engine.database.insert([Insert(CONNECTOR_NONCE, {"id": id, "at": utc_now()})])
        except UniqueError:
            raise NotAuthenticatedError(REFUSED, hint=HINT) from None

    async def _take(self, message: Message) -> Taken:
        inputs = self.engine.vault.lookups(
            orjson.dumps(dict(message.values), option=orjson.OPT_SORT_KEYS).decode(), "tb_connector_message.input"
        )
        if (known := await self._known(message, inputs)) is not None:
            return known
        try:
            async with self.engine.transaction() as tx:
                return await self._take_in(tx, message, inputs[0])
        except UniqueError as error:
            known = await self._known(message, inputs) if error.table == CONNECTOR_MESSAGE.name else None
            if known is None:
                raise
            return known

    async def _take_in(self, tx: Transaction, message: Message, input: str) -> Taken:
        follow = await find_case(self.engine, tx, message)
        case_id = follow.case_id if follow else uuid7()
        is_taken = follow is None or bool(follow.action)
        row = {
            "id": uuid7(), "connector": message.connector.key, "operation": message.operation.id,
            "number": message.number, "input": input, "case_id": case_id, "taken": is_taken, "at": utc_now(),
        }  # fmt: skip
        # First: whoever sends the same at the same time waits here.
        await tx.insert([Insert(CONNECTOR_MESSAGE, row)])
        if follow is None:
            number = await open_one(self.engine, tx, message, case_id)
        else:
            number = await act_on(self.engine, tx, message, follow)
        line = Entry(
            message.actor, "connector.receive", row_id=str(row["id"]), case=number, fields=tuple(message.values),
            detail=f"{message.connector.key}.{message.operation.id}",
        )  # fmt: skip
        await self.engine.audit.within(tx, line)
        return Taken(message.number, number, is_taken=is_taken)

    async def _known(self, message: Message, inputs: list[str]) -> Taken | None:
        """What the same message made before."""
        text = (
            "SELECT case_id, input, taken FROM tb_connector_message "
            "WHERE connector = {connector} AND operation = {operation} AND number = {number}"
        )
        dialect, named = self.engine.database.dialect, (message.connector.key, message.operation.id, message.number)
        values = dict(zip(("connector", "operation", "number"), named, strict=True))
        rows = await self.engine.database.fetch(*statement(dialect, CONNECTOR_MESSAGE, text, **values))
        if not rows:
            return None
        if rows[0][1] not in inputs:
            raise ConflictError(f"编号 {message.number} 已用于另一条内容不同的报文", hint="请为新的报文用新的编号")
        case = await case_of(self.engine, dialect.load(CONNECTOR_MESSAGE.by_name["case_id"], rows[0][0]))
        taken = dialect.load(CONNECTOR_MESSAGE.by_name["taken"], rows[0][2])
        return Taken(message.number, case.number, is_taken=taken, is_repeated=True)


def _read(operation: Operation, body: bytes) -> Mapping[str, Any]:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        problem = InputProblem((), "不是 UTF-8 的 JSON", "connector.json")
        raise InvalidInputError("报文不是 JSON", [problem]) from None
    if problems := [replace(p, path=p.path[1:]) for p in problems_of(operation.request, values, "message")]:
        raise InvalidInputError(f"报文不合“{operation.title}”的格式", problems)
    if len(str(at(values, operation.number))) > NUMBER_MAX_CHARS:
        path = tuple(operation.number.split("."))
        problem = InputProblem(path, f"编号至多 {NUMBER_MAX_CHARS} 个字符", "connector.number")
        raise InvalidInputError("编号太长", [problem])
    found: Mapping[str, Any] = values
    return found
