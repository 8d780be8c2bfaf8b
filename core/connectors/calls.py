"""Calls are ordered in the transaction of who wants them, and made after the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, UnavailableError

from core.audit import Audit, Entry
from core.cases.step import Step
from core.connectors.outgoing import Outgoing
from core.connectors.rows import sealed
from core.crypto import Vault
from core.fields.times import utc_now
from core.manifest.connectors import Connector, Operation, operation_of
from core.store.connector_tables import CONNECTOR_CALL
from core.store.database import Insert, Transaction
from core.store.ids import uuid7


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be made."""

    connector: Connector
    operation: Operation
    #: They fit the request.
    values: Mapping[str, Any]
    actor: Actor
    plugin_id: str
    division: str = ""
    case_id: str | None = None
    case_number: str | None = None
    follow: Mapping[str, Any] | None = None
    #: core.person it is about.
    person: str | None = None


@dataclass(frozen=True)
class Calls:
    vault: Vault
    audit: Audit
    #: After a commit: there is something to do.
    nudge: Callable[[], None]

    async def order_in(self, tx: Transaction, wanted: Wanted, id: str) -> None:
        """`id` is its key. What is sent is told to the audit before it leaves: names, no values."""
        now = utc_now()
        values = {
            "id": id, "connector": wanted.connector.key, "operation": wanted.operation.id,
            "plugin_id": wanted.plugin_id, "division": wanted.division, "case_id": wanted.case_id,
            "case_number": wanted.case_number, "follow": wanted.follow, "person": wanted.person,
            "request": sealed(self.vault, "request", id, wanted.values), "state": "waiting", "at": now, "tries": 0,
            "created_at": now,
        }  # fmt: skip
        await tx.insert([Insert(CONNECTOR_CALL, values)])
        line = Entry(
            wanted.actor, "connector.call", row_id=id, subjects=(wanted.person,) if wanted.person else (),
            fields=tuple(wanted.values), case=wanted.case_number or "",
            detail=f"{wanted.connector.key}.{wanted.operation.id}",
        )  # fmt: skip
        await self.audit.within(tx, line)
        tx.ended.append(lambda done: self.nudge() if done else None)

    async def effect(self, tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        """The effect `call` of a step."""
        if str(args["connector"]).partition(".")[0] not in step.live.world.plugins:
            raise UnavailableError("连接外部系统的应用没有启用，这一步没有办", retry_after_s=60)
        found = operation_of(step.live.world, args["connector"], args["operation"], "out")
        if found is None:
            message = f"连接器 {args['connector']} 没有操作 {args['operation']}，这一步没有办"
            raise ConflictError(message, hint="请联系系统管理员")
        connector, operation = found
        case = step.case
        wanted = Wanted(
            connector, operation, await Outgoing(step, connector).values(operation, args["values"]), step.actor,
            case.plugin_id, case.division, case.id, case.number,
            {key: args[key] for key in ("answer", "events", "on_answer", "on_failure")},
            case.applicant,
        )  # fmt: skip
        await self.order_in(tx, wanted, uuid7())
