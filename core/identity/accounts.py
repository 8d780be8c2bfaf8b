"""Rows of tb_account: found, tried, changed. A change is one statement: parallel log-ins cannot lose a count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.crypto import Vault
from core.identity.actors import AccountFacts, AccountKind
from core.identity.login_policy import LockPolicy
from core.store.account_tables import ACCOUNT, ACCOUNT_PERSON, PASSWORD
from core.store.database import Database, Insert, Transaction
from core.store.ids import uuid7
from core.store.statement import load_row, statement

#: An id no account has: where there is none, the same statements run for nothing.
NO_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Account:
    """A row of tb_account."""

    id: str
    kind: AccountKind
    login: str | None
    staff: str | None
    legal_entity: str | None
    holder: str | None
    admin_role: str | None
    state: str
    state_why: str
    successor_of: str | None
    phone_sealed: str | None
    phone_lookup: str | None
    failed: int
    locked_until: datetime | None
    password: str | None
    password_at: datetime | None
    password_temporary: bool
    totp_sealed: str | None
    totp_pending: str | None
    totp_last_step: int
    last_login_at: datetime | None
    enabled_at: datetime | None
    created_at: datetime
    asked: str | None
    asked_by: str | None
    asked_at: datetime | None
    asked_password: str | None
    asked_half: str | None
    password_reset_by: str | None
    totp_reset_by: str | None
    device: str | None
    device_failed: int

    @property
    def facts(self) -> AccountFacts:
        return AccountFacts(
            self.id,
            self.kind,
            self.state,
            self.staff,
            self.legal_entity,
            self.holder,
            self.admin_role,
            self.password_at,
        )

    @property
    def used_at(self) -> datetime:
        return max(at for at in (self.last_login_at, self.enabled_at, self.created_at) if at is not None)


COLUMNS = tuple(Account.__slots__)
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM tb_account "
# Counted first, compared later: of any number of guesses at once at most `failures` are ever looked at. The null of the
# second CASE is one of a moment: Postgres takes the type of a parameter from its neighbours.
_TRY = """UPDATE tb_account SET
 failed = CASE WHEN locked_until IS NOT NULL THEN 1 ELSE failed + 1 END,
 locked_until = CASE WHEN (CASE WHEN locked_until IS NOT NULL THEN 1 ELSE failed + 1 END) >= {failures:failed}
  THEN {until:locked_until} ELSE NULLIF(locked_until, locked_until) END
 WHERE id = {id} AND (locked_until IS NULL OR locked_until <= {now:locked_until}) RETURNING id"""
_SUCCEED = """UPDATE tb_account SET failed = 0, locked_until = NULL, last_login_at = {now:last_login_at},
 totp_last_step = {step:totp_last_step}
 WHERE id = {id} AND state = 'active' AND totp_last_step <= {before:totp_last_step} RETURNING id"""
# The known device has its own count and its own lock; what it opens leaves a stranger's lock where it is.
_TRY_DEVICE = _TRY.replace("locked_until", "device_locked_until").replace("failed", "device_failed")
_SUCCEED_DEVICE = _SUCCEED.replace("locked_until = NULL", "device_failed = 0, device_locked_until = NULL")


class Accounts:
    """One per process."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database, self.vault = database, vault

    async def by(self, column: str, value: str) -> Account | None:
        """The account with this id, login, outside or staff."""
        text = _SELECT + f"WHERE {column} = {{value:{column}}}"
        rows = await self.database.fetch(*statement(self.database.dialect, ACCOUNT, text, value=value))
        return self._account(rows[0]) if rows else None

    async def by_phone(self, phone: str) -> Account | None:
        """The account of a phone, also one found by an older lookup key: it is moved to the current one."""
        column, dialect = ACCOUNT.column("phone_lookup"), self.database.dialect
        keys = self.vault.lookups(phone, "tb_account.phone")
        chosen = dialect.in_list("phone_lookup", dialect.placeholder(1), column)
        rows = await self.database.fetch(f"{_SELECT}WHERE {chosen}", [dialect.bind_list(column, keys)])
        account = self._account(rows[0]) if rows else None
        if account is not None and account.phone_lookup != keys[0]:
            await self.change(account.id, phone_lookup=keys[0])
        return account

    async def within(self, tx: Transaction, id: str) -> Account:
        """An account that is there, as an open transaction sees it."""
        rows = await tx.fetch(*statement(self.database.dialect, ACCOUNT, _SELECT + "WHERE id = {id}", id=id))
        return self._account(rows[0])

    async def listed(self, where: str, value: Any) -> list[Account]:
        """Accounts that fit a condition on one value."""
        sql = statement(self.database.dialect, ACCOUNT, _SELECT + where, value=value)
        return [self._account(row) for row in await self.database.fetch(*sql)]

    async def held(self, tx: Transaction, id: str) -> Account | None:
        """The account, which nobody else changes before the transaction ends."""
        text = f"UPDATE tb_account SET state = state WHERE id = {{id}} RETURNING {', '.join(COLUMNS)}"
        rows = await self._run(text, tx=tx, id=id)
        return self._account(rows[0]) if rows else None

    async def legal(self, holder: str, legal_entity: str) -> Account | None:
        text = _SELECT + "WHERE holder = {holder} AND legal_entity = {entity:legal_entity}"
        sql = statement(self.database.dialect, ACCOUNT, text, holder=holder, entity=legal_entity)
        rows = await self.database.fetch(*sql)
        return self._account(rows[0]) if rows else None

    async def try_once(
        self, account: Account | None, lock: LockPolicy, now: datetime, *, is_device: bool = False
    ) -> bool:
        """Count a guess before it is looked at. False: locked, or there is no such account."""
        until = now + timedelta(minutes=lock.minutes)
        id = account.id if account else NO_ID
        text = _TRY_DEVICE if is_device else _TRY
        return bool(await self._run(text, id=id, failures=lock.failures, until=until, now=now))

    async def succeed(
        self, account: Account, now: datetime, step: int | None = None, *, is_device: bool = False
    ) -> bool:
        """The guess was right. False: meanwhile disabled, or this TOTP step was used by somebody faster."""
        used = account.totp_last_step if step is None else step
        before = 2**62 if step is None else step - 1
        text = _SUCCEED_DEVICE if is_device else _SUCCEED
        return bool(await self._run(text, id=account.id, now=now, step=used, before=before))

    async def create_in(self, tx: Transaction, kind: AccountKind, by: str, now: datetime, **columns: Any) -> Account:
        """A new account; UniqueError when its login, phone or staff row has one."""
        id = columns.pop("id", None) or uuid7()
        values = {"id": id, "kind": kind, "created_at": now, "created_by": by, **columns}
        # Every column that may not be null, whatever the batch.
        defaults = {"state": "active", "state_why": "", "failed": 0, "password_temporary": False, "totp_last_step": 0,
                    "device_failed": 0}  # fmt: skip
        await tx.insert([Insert(ACCOUNT, {**defaults, **values})])
        return Account(**{**dict.fromkeys(COLUMNS), **defaults, **{k: v for k, v in values.items() if k in COLUMNS}})

    async def change(self, id: str, tx: Transaction | None = None, **columns: Any) -> bool:
        """Set columns of one account."""
        listed = ", ".join(f"{name} = {{{name}}}" for name in columns)
        text = f"UPDATE tb_account SET {listed} WHERE id = {{id}} RETURNING id"
        return bool(await self._run(text, tx=tx, id=id, **columns))

    async def set_password(
        self, account: Account, hashed: str, now: datetime, *, temporary: bool = False, tx: Transaction | None = None
    ) -> None:
        """Store a hash, and remember it for the history. A lock ends with the password it guarded."""
        if tx is None:
            async with self.database.transaction() as own:
                await self.set_password(account, hashed, now, temporary=temporary, tx=own)
            return
        await self.change(
            account.id, tx, password=hashed, password_at=now, password_temporary=temporary, failed=0,
            locked_until=None, device=None,
        )  # fmt: skip
        row = {"id": uuid7(), "account": account.id, "password": hashed, "at": now}
        await tx.insert([Insert(PASSWORD, row)])

    async def old_passwords(self, account: str, count: int) -> list[str]:
        text = f"SELECT password FROM tb_password WHERE account = {{account}} ORDER BY at DESC, id DESC LIMIT {count}"
        rows = await self.database.fetch(*statement(self.database.dialect, PASSWORD, text, account=account))
        return [row[0] for row in rows]

    async def bind(
        self, tx: Transaction, account: str, person: str, level: int, source: str, by: str, now: datetime
    ) -> None:
        """A person for an account; a binding that stands is raised, never lowered."""
        text = (
            "UPDATE tb_account_person SET "
            "real_name = CASE WHEN real_name > {level:real_name} THEN real_name ELSE {level:real_name} END "
            "WHERE account = {account} AND person = {person} AND ended_at IS NULL RETURNING id"
        )
        values: Mapping[str, Any] = {"account": account, "person": person, "level": level}
        if await tx.fetch(*statement(self.database.dialect, ACCOUNT_PERSON, text, **values)):
            return
        row = {"id": uuid7(), "account": account, "person": person, "real_name": level, "source": source,
               "bound_at": now, "bound_by": by}  # fmt: skip
        await tx.insert([Insert(ACCOUNT_PERSON, row)])

    async def has_been(self, account: str, person: str) -> bool:
        """Whether the person was ever bound to the account."""
        text = "SELECT 1 FROM tb_account_person WHERE account = {account} AND person = {person} LIMIT 1"
        sql = statement(self.database.dialect, ACCOUNT_PERSON, text, account=account, person=person)
        return bool(await self.database.fetch(*sql))

    async def _run(self, text: str, *, tx: Transaction | None = None, **values: Any) -> list[Any]:
        sql = statement(self.database.dialect, ACCOUNT, text, **values)
        if tx is not None:
            return await tx.fetch(*sql)
        async with self.database.transaction() as own:
            return await own.fetch(*sql)

    def _account(self, row: Any) -> Account:
        return Account(**load_row(self.database.dialect, ACCOUNT, COLUMNS, row))
