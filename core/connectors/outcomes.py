"""What becomes of a call: answered and taken up, put off, or given up; each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.errors import ConflictError, RequestError

from core.access.service import service_actor
from core.audit import Entry
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.step import Step
from core.cases.telling import facts_of, recipients
from core.connectors.following import go_on
from core.connectors.rows import CallRow, sealed
from core.fields.times import utc_now
from core.manifest.cases import NOWHERE
from core.manifest.connectors import Connector, Operation
from core.manifest.message_shape import at
from core.manifest.outputs import MessageTemplate
from core.messages import Messages
from core.store.connector_tables import CONNECTOR_CALL
from core.store.database import Transaction
from core.store.rows import change

ANSWERED, FAILED = "connector.answered", "connector.failed"


@dataclass(frozen=True)
class Outcomes:
    engine: Engine
    messages: Messages

    async def take_up(self, operation: Operation, call: CallRow, answer: Mapping[str, Any]) -> None:
        """The answer goes into the case's row, and the case goes on. RequestError: nothing has changed."""
        follow = call.follow or {}
        async with self.engine.transaction() as tx:
            if call.case_id is not None:
                step = await system_step(self.engine, tx, call.case_id, follow["on_answer"] or ANSWERED)
                found = {field: at(answer, name) for field, name in follow["answer"].items()}
                await go_on(
                    step,
                    follow["on_answer"],
                    {name: value for name, value in found.items() if value is not None},
                    {"call": call.id},
                )
            new = {
                "state": "answered", "request": None, "error": None, "tries": call.tries + 1, "ended_at": utc_now(),
                "answer": self._seal(call, answer), "number": _number(operation, answer),
            }  # fmt: skip
            await self._note(tx, call, new)
            await self._tell_audit(tx, call, ANSWERED, "ok")

    async def put_off(
        self, call: CallRow, at: datetime, tries: int, error: str | None, *, answer: Mapping[str, Any] | None = None
    ) -> None:
        new: dict[str, Any] = {"at": at, "tries": tries, "error": error}
        if answer is not None:
            new["answer"] = self._seal(call, answer)
        async with self.engine.transaction() as tx:
            await self._note(tx, call, new)

    async def give_up(
        self, connector: Connector, operation: Operation, call: CallRow, error: str, tries: int, *,
        answer: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """It waits for a person, who is told; the case goes its other way."""
        new: dict[str, Any] = {"state": "dead", "error": error, "tries": tries, "ended_at": utc_now()}
        if answer is not None:
            new["answer"] = self._seal(call, answer)
        action = (call.follow or {}).get("on_failure", "") if answer is None else ""
        for way in dict.fromkeys((action, "")):
            try:
                return await self._give_up(connector, operation, call, new, way)
            except RequestError:
                # The step refuses, or the case itself (its application is away, its row deleted): dead all the same.
                continue
        return await self._give_up(connector, operation, call, new, None)

    async def _give_up(
        self, connector: Connector, operation: Operation, call: CallRow, new: Mapping[str, Any], way: str | None
    ) -> None:
        """`way`: the action that follows, "" = only somebody is told, None = the case is left alone."""
        async with self.engine.transaction() as tx:
            if call.case_id is not None and way is not None and (way or operation.on_failure):
                step = await system_step(self.engine, tx, call.case_id, way or FAILED)
                await go_on(step, way, {}, {})
                await self._tell(tx, step, connector, operation)
            await self._note(tx, call, new)
            await self._tell_audit(tx, call, FAILED, str(new["error"]))

    async def _tell(self, tx: Transaction, step: Step, connector: Connector, operation: Operation) -> None:
        if not operation.on_failure:
            return
        words = MessageTemplate(
            plugin_id=connector.plugin_id, id="connector_failed", title=f"{connector.title}没有办成",
            text=f"{{item}}（{{case_no}}）的“{operation.title}”没有办成，请联系{connector.system}，或换一种办法",
            channels=("inbox",), must_reach_within=None, to=operation.on_failure, place=NOWHERE,
        )  # fmt: skip
        to = [one async for one in recipients(step, operation.on_failure)]
        facts = await facts_of(step, "")
        await self.messages.send_in(tx, words, to, facts, step.case.number, division=step.case.division)

    async def _note(self, tx: Transaction, call: CallRow, new: Mapping[str, Any]) -> None:
        """Only while the claim is ours: whoever took it over notes what he finds."""
        given_back = {**new, "claim": None, "claimed_until": None}
        where = "id = {id} AND claim = {claim}"
        if not await change(
            tx, self.engine.database.dialect, CONNECTOR_CALL, given_back, where, id=call.id, claim=call.claim
        ):
            raise ConflictError("another worker has this call")

    async def _tell_audit(self, tx: Transaction, call: CallRow, action: str, result: str) -> None:
        line = Entry(
            service_actor(call.plugin_id), action, row_id=call.id, result=result, case=call.case_number or "",
            detail=call.key,
        )  # fmt: skip
        await self.engine.audit.within(tx, line)

    def _seal(self, call: CallRow, answer: Mapping[str, Any]) -> str:
        return sealed(self.engine.vault, "answer", call.id, answer)


def _number(operation: Operation, answer: Mapping[str, Any]) -> str | None:
    found = at(answer, operation.number) if operation.number else None
    return None if found is None else str(found)
