"""The rows of sessions and refresh tokens, read and written inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.fields.column import Table
from core.identity.actors import Choice, Reads
from core.identity.tokens import CLOSED
from core.store.database import Transaction
from core.store.dialect import Dialect
from core.store.insert import Insert
from core.store.session_tables import REFRESH, SESSION
from core.store.statement import load_row, statement

COLUMNS = (
    "id", "account", "kind", "client", "person", "delegation", "generation", "opened_at", "seen_at", "ends_at",
    "closed_at",
)  # fmt: skip
_ALL = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in on one device."""

    id: str
    account: str
    kind: str
    client: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    person: str | None = None
    delegation: str | None = None
    generation: int = 1
    closed_at: datetime | None = None

    @property
    def choice(self) -> Choice:
        return Choice(self.person, self.delegation)


@dataclass(frozen=True, slots=True)
class Used:
    """A refresh token that came back: of which session, and when it came first."""

    session: str
    at: datetime
    is_first: bool


class Rows:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def now(self, tx: Reads) -> datetime:
        """The clock all nodes share: the database's, to the millisecond."""
        if self._dialect.name == "sqlite":
            now = datetime.now(UTC)
        else:
            now = (await tx.fetch("SELECT clock_timestamp()"))[0][0].astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def add(self, tx: Transaction, session: Session) -> None:
        await tx.insert([Insert(SESSION, {name: getattr(session, name) for name in COLUMNS})])

    async def lock(self, tx: Transaction, id: str, seen_at: datetime | None = None) -> Session | None:
        """The session, held until the transaction ends; `seen_at` is written down when it is news."""
        text = (
            "UPDATE tb_session SET seen_at = CASE WHEN seen_at < {seen_at} THEN {seen_at} ELSE seen_at END "
            f"WHERE id = {{id}} RETURNING {_ALL}"
        )
        return _first(self._sessions(await self._run(tx, SESSION, text, id=id, seen_at=seen_at)))

    async def open_of(self, tx: Reads, id: str, *, held: bool = False) -> list[Session]:
        """Open sessions of an account, or the one of this id; last used first. With `held`, those too of the accounts
        through which its holder acts for companies."""
        more = "OR account IN (SELECT a.id FROM tb_account a WHERE a.holder = {id})" if held else ""
        text = (
            f"SELECT {_ALL} FROM tb_session WHERE (account = {{id}} OR id = {{id}} {more}) AND closed_at IS NULL "
            "ORDER BY seen_at DESC, id DESC"
        )
        return self._sessions(await self._run(tx, SESSION, text, id=id))

    async def choose(self, tx: Transaction, session: Session, choice: Choice, now: datetime) -> Session:
        text = (
            "UPDATE tb_session SET person = {person}, delegation = {delegation}, generation = generation + 1, "
            f"cut_at = {{now:cut_at}} WHERE id = {{id}} RETURNING {_ALL}"
        )
        rows = await self._run(
            tx, SESSION, text, id=session.id, person=choice.person, delegation=choice.delegation, now=now
        )
        return self._sessions(rows)[0]

    async def close(self, tx: Transaction, ids: Sequence[str], reason: str, now: datetime) -> Mapping[str, int]:
        """Ends open ones, and their refresh tokens; what `Tokens.cut` takes."""
        text = (
            "UPDATE tb_session SET closed_at = {now:closed_at}, reason = {reason}, generation = generation + 1, "
            "cut_at = {now:closed_at} WHERE closed_at IS NULL AND {ids} RETURNING id"
        )
        rows = await self._run_on(tx, SESSION, text, ids, ("id",), now=now, reason=reason)
        await self._run_on(tx, REFRESH, "DELETE FROM tb_refresh WHERE {ids}", [str(id) for (id,) in rows], ("session",))
        return {str(id): CLOSED for (id,) in rows}

    async def drop(self, tx: Transaction, ids: Sequence[str], now: datetime) -> Mapping[str, int]:
        """A new generation for open sessions of these ids, accounts or delegations."""
        text = (
            "UPDATE tb_session SET generation = generation + 1, cut_at = {now:cut_at} "
            "WHERE closed_at IS NULL AND ({ids}) RETURNING id, generation"
        )
        rows = await self._run_on(tx, SESSION, text, ids, ("id", "account", "delegation"), now=now)
        return {str(id): generation for id, generation in rows}

    async def cuts(self, reads: Reads, since: datetime) -> Mapping[str, int]:
        """Sessions cut since then, and the generation they stand at."""
        text = "SELECT id, generation, closed_at FROM tb_session WHERE cut_at >= {since:cut_at}"
        rows = await self._run(reads, SESSION, text, since=since)
        return {str(id): generation if closed_at is None else CLOSED for id, generation, closed_at in rows}

    async def seen(self, tx: Transaction, ids: Sequence[str], at: datetime) -> None:
        text = "UPDATE tb_session SET seen_at = {at:seen_at} WHERE seen_at < {at:seen_at} AND {ids}"
        await self._run_on(tx, SESSION, text, ids, ("id",), at=at)

    async def issue(self, tx: Transaction, hash: str, session: Session, now: datetime) -> None:
        row = {"id": hash, "session": session.id, "issued_at": now, "ends_at": session.ends_at}
        await tx.insert([Insert(REFRESH, row)])

    async def use(self, tx: Transaction, hash: str, now: datetime) -> Used | None:
        """Take a refresh token, once. Who comes second waits for the first and sees when that was."""
        text = "UPDATE tb_refresh SET used_at = {now:used_at} WHERE id = {id} AND used_at IS NULL RETURNING session"
        if rows := await self._run(tx, REFRESH, text, id=hash, now=now):
            return Used(str(rows[0][0]), now, True)
        rows = await self._run(tx, REFRESH, "SELECT session, used_at FROM tb_refresh WHERE id = {id}", id=hash)
        if not rows:
            return None
        row = load_row(self._dialect, REFRESH, ("session", "used_at"), rows[0])
        return Used(row["session"], row["used_at"], False)

    async def session_of(self, tx: Transaction, hash: str) -> str | None:
        rows = await self._run(tx, REFRESH, "SELECT session FROM tb_refresh WHERE id = {id}", id=hash)
        return str(rows[0][0]) if rows else None

    async def _run(self, reads: Reads, table: Table, text: str, **values: Any) -> list[Any]:
        return await reads.fetch(*statement(self._dialect, table, text, **values))

    async def _run_on(
        self, tx: Transaction, table: Table, text: str, ids: Sequence[str], columns: Sequence[str], **values: Any
    ) -> list[Any]:
        """`{ids}` in the text: one of these columns is among the ids."""
        if not ids:
            return []
        column, mark = table.column(columns[0]), self._dialect.placeholder(len(values) + 1)
        among = " OR ".join(self._dialect.in_list(name, mark, column) for name in columns)
        sql, arguments = statement(self._dialect, table, text.replace("{ids}", f"({among})"), **values)
        return await tx.fetch(sql, [*arguments, self._dialect.bind_list(column, ids)])

    def _sessions(self, rows: Sequence[Any]) -> list[Session]:
        return [Session(**load_row(self._dialect, SESSION, COLUMNS, row)) for row in rows]


def _first(found: list[Session]) -> Session | None:
    return found[0] if found else None
