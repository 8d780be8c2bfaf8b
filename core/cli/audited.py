"""Whoever sits at the machine leaves a line in the audit like everybody else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tongban_sdk import Actor, InvalidInputError, RequestError

from core.audit import Audit, Entry
from core.audit.audit import unavailable
from core.audit.call import CALL, Call
from core.cli import UserError


@asynccontextmanager
async def audited(audit: Audit, action: str, detail: str = "", *, always: bool = False) -> AsyncIterator[None]:
    """One line for what a command changes, its own or this one (`always`: this one, too), or for its refusal.

    AuditUnavailableError before anything is changed."""
    if await audit.check():
        raise unavailable()
    call, result = Call(action), "ok"
    token = CALL.set(call)
    try:
        yield
    except Exception as error:
        result = _code_of(error)
        raise
    finally:
        CALL.reset(token)
        if always or not call.has(result):
            await audit.record(Entry(operator(), action, result=result, detail=detail))


def operator() -> Actor:
    return Actor(id=f"cli:{os.getuid()}", kind="system")


def _code_of(error: Exception) -> str:
    if isinstance(error, UserError):
        return InvalidInputError.code
    return error.code if isinstance(error, RequestError) else "INTERNAL"
