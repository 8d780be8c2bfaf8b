"""The audit line of a mutation that was refused, written once that is certain. Never anything of its arguments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tongban_sdk import Actor
from tongban_sdk.errors import AuditUnavailableError, RequestError

from core.api.errors import Refusal
from core.audit import Audit, Entry
from core.fields.base import FieldError
from core.fields.refs import parse_uuid

if TYPE_CHECKING:
    from core.read.roots import RootField


async def tell_refusal(host: Any, entry: Entry) -> None:
    """AuditUnavailableError when the line cannot be written: then that is what the caller is told."""
    audit = audit_of(host)
    if audit is None or entry.result == AuditUnavailableError.code:
        return
    if entry.result == CANCELLED:
        audit.record_later(entry)
    else:
        await audit.record(entry)


#: A request that was given up while it ran: what came of it, other lines may tell.
CANCELLED = "CANCELLED"


def audit_of(host: Any) -> Audit | None:
    """Worlds without a host (tests, tools) have no audit."""
    found: Audit | None = getattr(host, "audit", None)
    return found


def code_of(error: BaseException) -> str:
    """The code its caller will see."""
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    if isinstance(error, Refusal):
        return error.first_code
    return error.code if isinstance(error, RequestError) else "INTERNAL"


def refused_write(actor: Actor, root: RootField, id: Any, error: BaseException) -> Entry:
    """Of a mutation made from a manifest. An id that is none was never looked for."""
    try:
        row_id = "" if id is None else parse_uuid(id)
    except FieldError:
        row_id = ""
    return Entry(actor, root.kind, root.entity.key, row_id, code_of(error))
