"""Calls on one SQLite connection, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from tongban_sdk.errors import InvalidInputError, UnavailableError

from core.store.errors import UniqueError

log = structlog.get_logger("tongban.store")
BUSY_TIMEOUT_MS = 5000


def begin_at_once(connection: sqlite3.Connection) -> bool:
    """False: another process writes, or something else is in the way, which who waits will be told."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@contextmanager
def waiting(connection: sqlite3.Connection) -> Iterator[None]:
    """In the thread only: what another process holds is waited for."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    try:
        yield
    finally:
        connection.execute("PRAGMA busy_timeout=0")


def end_transaction(connection: sqlite3.Connection, sql: str) -> None:
    try:
        if connection.in_transaction:
            connection.execute(sql)
    except BaseException:
        # A commit that failed (disk full) leaves the transaction open: nothing of it may stay.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Take the write lock at once: a deferred BEGIN fails with "database is locked" when it turns into a write."""
    if connection.in_transaction:
        # Nobody holds it: whoever began it is gone, and nothing of it was acknowledged.
        log.error("transaction_left_open")
        connection.execute("ROLLBACK")
    if begin_at_once(connection):
        return
    try:
        with waiting(connection):
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise UnavailableError("数据库正忙，请稍后再试") from error


#: Beginnings of what the parser says of statements that go beyond its fixed limits.
_TOO_COMPLEX = ("parser stack overflow", "Expression tree is too large", "too many")


def refused(error: sqlite3.OperationalError) -> Exception:
    """A question within the limits of the doors may still nest deeper than SQLite's parser does: that is no bug."""
    if str(error).startswith(_TOO_COMPLEX):
        return InvalidInputError("查询过于复杂，请减少嵌套和条件，或拆成几次")
    return error


def is_interrupt(error: sqlite3.OperationalError) -> bool:
    # The low byte is the kind; the rest tells busy-while-recovering from busy-with-a-snapshot and the like.
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)


def translate(error: sqlite3.IntegrityError) -> Exception:
    """ "UNIQUE constraint failed: t.a, t.b" → UniqueError("t", columns=("a", "b")); others stay what they are."""
    head, _, tail = str(error).partition("constraint failed: ")
    if head.strip() != "UNIQUE":
        return error
    names = [part.strip().rpartition(".") for part in tail.split(",")]
    return UniqueError(names[0][0], columns=tuple(name[2] for name in names))
