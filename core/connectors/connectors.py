"""The door of the room: order a call, take a message in, see how each outside system stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, NotFoundError, PermissionDeniedError

from core.audit import Entry
from core.cases import Cases
from core.connectors.adapter import Adapters
from core.connectors.calls import Calls, Wanted
from core.connectors.outcomes import Outcomes
from core.connectors.receiving import Receiving
from core.connectors.rows import CallRow, opened
from core.connectors.sending import Sending
from core.fields.json_schema import problems_of
from core.fields.times import utc_now
from core.manifest.connectors import Connector, connectors_of, operation_of
from core.messages import Messages
from core.settings import Settings
from core.store.connector_tables import CONNECTOR_CALL
from core.store.engine import IDEMPOTENCY
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.rows import change, read
from core.write.idempotency import KEY_MAX_CHARS
from core.write.offers import Offer
from core.write.once import Once

NO_CALL = "没有这次调用"
_KEY = {"type": "string", "pattern": r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"}


@dataclass(frozen=True, slots=True)
class Health:
    """How one outside system stands."""

    connector: Connector
    #: A class, "simulator", "" = nobody speaks for it here.
    adapter: str
    #: Too many failures in a row in this process; asked less often.
    is_broken: bool
    waiting: int
    dead: int
    answered_at: datetime | None


class Connectors:
    """`sending` is the loop, `receiving` the door for messages."""

    def __init__(self, cases: Cases, messages: Messages, settings: Settings) -> None:
        engine = self._engine = cases.engine
        self.adapters = Adapters.of(settings)
        self.sending = Sending(Outcomes(engine, messages), self.adapters)
        self.receiving = Receiving(engine, settings.secrets_dir)
        self._calls = Calls(engine.vault, engine.audit, self.sending.loop.nudge)
        cases.effects.register("call", self._calls.effect)
        self.adapters.check(engine.live().world)

    def offers(self) -> Mapping[str, Offer]:
        call = {
            "connector": _KEY, "operation": {"type": "string"}, "values": {"type": "object"},
            "key": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARS},
        }  # fmt: skip
        return {
            "connectors.call": Offer(
                "调用外部系统的一个操作，返回 {id}；同一个 key 只调用一次；答复用 connectors.answer 取",
                {"type": "object", "required": [*call], "additionalProperties": False, "properties": call},
                self._call,
            ),
            "connectors.answer": Offer(
                "一次调用的 {state, answer}：waiting、answered 或 dead",
                {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}},
                self._answer,
            ),
        }

    async def page(self, state: str | None, first: int, after: str | None) -> list[CallRow]:
        """Calls, the newest first; `after`: id of the last one seen. The caller has shown that he may see them."""
        where, values = "TRUE", dict[str, Any]()
        if state is not None:
            where, values = f"{where} AND state = {{state}}", {"state": state}
        if after is not None:
            where, values = f"{where} AND id < {{after:id}}", {**values, "after": after}
        tail = f" ORDER BY id DESC LIMIT {int(first)}"
        return await read(self._engine.database, self._engine.database.dialect, CallRow, where + tail, **values)

    async def redrive(self, actor: Actor, id: str) -> CallRow:
        """Give a dead call a fresh set of tries, under the same key. An answer that is there is taken up, not asked
        for again."""
        database = self._engine.database
        new = {"state": "waiting", "tries": 0, "error": None, "at": utc_now(), "ended_at": None}
        async with database.transaction() as tx:
            if not await change(tx, database.dialect, CONNECTOR_CALL, new, "id = {id} AND state = 'dead'", id=id):
                raise NotFoundError("没有这次失败的调用", hint="它可能已经重新发出")
            [call] = await read(tx, database.dialect, CallRow, "id = {id}", id=id)
            line = Entry(actor, "connector.redrive", row_id=id, case=call.case_number or "", detail=call.key)
            await self._engine.audit.within(tx, line)
        self.sending.loop.nudge()
        return call

    async def health(self) -> list[Health]:
        text = (
            "SELECT connector, sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), "
            "sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END), max(CASE WHEN state = 'answered' THEN ended_at END) "
            "FROM tb_connector_call GROUP BY connector"
        )
        rows = {row[0]: row for row in await self._engine.database.fetch(text, [])}
        return [self._health(one, rows.get(one.key)) for one in connectors_of(self._engine.live().world)]

    async def check(self) -> str | None:
        """For the status page: calls that wait for nobody, were given up, or whose system is away."""
        found = [_trouble(health) for health in await self.health()]
        return "；".join(text for text in found if text) or None

    def _health(self, connector: Connector, row: Any) -> Health:
        breaker, load = self.sending.breakers.get(connector.key), self._engine.database.dialect.load
        at = load(CONNECTOR_CALL.by_name["ended_at"], row[3]) if row and row[3] is not None else None
        is_broken = breaker is not None and breaker.is_probing
        waiting, dead = (int(row[1]), int(row[2])) if row else (0, 0)
        return Health(connector, self.adapters.kind(connector.key), is_broken, waiting, dead, at)

    async def _call(self, actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        plugin = self._plugin(actor)
        connector_id, operation_id = str(args["connector"]), str(args["operation"])
        found = operation_of(self._engine.live().world, connector_id, operation_id, "out")
        if found is None or found[0].plugin_id not in (plugin.id, *plugin.requires):
            raise NotFoundError(f"没有连接器 {connector_id} 的操作 {operation_id}")
        if problems := list(problems_of(found[1].request, args["values"], "values")):
            raise InvalidInputError(f"还不能“{found[1].title}”：内容不全或不对", problems)
        return {"id": await self._ordered(Wanted(*found, args["values"], actor, plugin.id), args["key"])}

    async def _ordered(self, wanted: Wanted, key: str) -> str:
        """Once per key: a job that runs again calls nobody twice."""
        database, id = self._engine.database, uuid7()
        asked = ["connectors.call", wanted.connector.key, wanted.operation.id, wanted.values]
        once = Once(database, self._engine.vault, wanted.actor, key, asked)
        if (made := await once.made()) is not None:
            return made
        try:
            async with database.transaction() as tx:
                await tx.insert([once.row(id, utc_now())])
                await self._calls.order_in(tx, wanted, id)
        except UniqueError as error:
            if error.table == IDEMPOTENCY.name and (made := await once.made()) is not None:
                return made
            raise
        return id

    async def _answer(self, actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        database, plugin = self._engine.database, self._plugin(actor)
        where = "id = {id} AND plugin_id = {plugin_id} AND case_id IS NULL"
        found = await read(database, database.dialect, CallRow, where, id=args["id"], plugin_id=plugin.id)
        if not found:
            raise NotFoundError(NO_CALL)
        call = found[0]
        answer = opened(self._engine.vault, "answer", call.id, call.answer) if call.answer else None
        return {"state": call.state, "answer": answer}

    def _plugin(self, actor: Actor) -> Any:
        plugin = self._engine.live().world.plugins.get(actor.id.removeprefix("plugin:"))
        if plugin is None or not actor.id.startswith("plugin:"):
            raise PermissionDeniedError("只有应用自己可以调用外部系统")
        return plugin


def _trouble(health: Health) -> str:
    title = health.connector.title
    if not health.adapter and health.waiting:
        return f"{title}没有接通，{health.waiting} 个调用在等（TONGBAN_CONNECTORS）"
    if health.is_broken:
        return f"{health.connector.system}没有答复，{health.waiting} 个调用在等"
    return f"{title}有 {health.dead} 个调用多次失败，等人处理" if health.dead else ""
