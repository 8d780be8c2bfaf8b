"""What an action sets off. Each kind has one function; whatever leaves the process leaves from rows it writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tongban_sdk.errors import ConflictError

from core.cases.step import Step
from core.jobs.queue import JobQueue, NewJob
from core.manifest.cases import CaseAction, Effect
from core.store.database import Insert, Transaction
from core.store.engine import OUTBOX
from core.store.ids import uuid7
from core.store.json_values import to_json

if TYPE_CHECKING:
    from core.cases.live import Engine

#: `args` as core.manifest.cases.Effect tells of its kind.
Run = Callable[[Transaction, Step, Mapping[str, Any]], Awaitable[None]]


@dataclass
class Effects:
    """Functions by kind. A step with one that nothing is registered for is refused: it would half-succeed."""

    functions: dict[str, Run] = field(default_factory=dict)
    #: Told when a case has come to an end, in the transaction of that step.
    ended: list[Callable[[Step], Awaitable[None]]] = field(default_factory=list)

    def register(self, kind: str, function: Run) -> None:
        if kind in self.functions:
            raise ValueError(kind)
        self.functions[kind] = function

    async def run(self, step: Step, action: CaseAction) -> None:
        """All effects of an action whose condition holds, in their order."""
        for effect in action.effects:
            if effect.when is None or await step.holds([effect.when]) == [True]:
                await self._of(effect, action)(step.tx, step, effect.args)

    def _of(self, effect: Effect, action: CaseAction) -> Run:
        if (found := self.functions.get(effect.kind)) is not None:
            return found
        message = f"“{action.title}”要做的 {effect.kind} 本系统还不会做，这一步没有办"
        raise ConflictError(message, hint="请联系系统管理员检查办理流程")


def own_effects(engine: Engine) -> Mapping[str, Run]:
    """Those of the engine itself."""

    async def set_field(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        (value,) = await step.values([args["value"]])
        step.patch[args["field"]] = to_json(value)

    async def event(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        step.rows.append(event_row(step, str(args["name"])))

    async def hook(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        facts = {"case": step.case.number, "entity": step.case.entity, "id": step.case.row_id, "action": step.action}
        queue = JobQueue(engine.database)
        await queue.add_in(tx, [NewJob(plugin_id=step.case.plugin_id, name=str(args["name"]), args=facts)])

    return {"set": set_field, "event": event, "hook": hook}


def event_row(step: Step, topic: str) -> Insert:
    """Ids only: events travel further than rights do."""
    case = step.case
    values = {"topic": topic, "entity": case.entity, "row_id": case.row_id, "version": case.version, "at": step.now}
    return Insert(OUTBOX, {"id": uuid7(), **values})
