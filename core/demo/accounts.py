"""Log-ins for a demo county: three citizens, one member of staff of each role, the three administrators.

Passwords are random and stand in `demo_accounts.json` of the data directory alone; citizens log in by the code that
development writes to `outbox/sms.jsonl`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.crypto import Vault
from core.fields.sealed import is_sealed_text
from core.fields.times import utc_now
from core.identity import totp
from core.identity.accounts import Accounts
from core.identity.admins import ADMIN_ROLES
from core.identity.hashing import Hasher
from core.identity.passwords import make_password
from core.store.database import Database, Transaction
from core.store.ids import uuid7

FILE = "demo_accounts.json"
CITIZENS = 3
_STAFF = """SELECT s.id, s.account, s.roles, p.roles FROM core_staff s LEFT JOIN core_post p ON p.id = s.post_id
 WHERE s.deleted_at IS NULL AND s.state = 'active' ORDER BY s.account"""
_PEOPLE = """SELECT id, phone FROM core_person WHERE deleted_at IS NULL AND state = 'active' AND phone LIKE '1%'
 ORDER BY id LIMIT 500"""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One line of the file."""

    kind: str
    #: A citizen's phone, an officer's login.
    login: str
    roles: tuple[str, ...]
    #: core.person or core.staff.
    row: str | None = None
    password: str | None = None
    #: otpauth:// URI.
    totp: str | None = None


async def make_accounts(
    database: Database, vault: Vault, personas: Mapping[str, Mapping[str, str]] | None = None
) -> list[DemoAccount]:
    """Add the log-ins of a county that was just loaded; the persona "citizen" comes first."""
    accounts, hasher, now = Accounts(database, vault), Hasher(waiting_max=200), utc_now()
    wanted = [*await _citizens(database, personas or {}), *await _staff(database), *_admins()]
    try:
        hashes = await asyncio.gather(*(_hash(hasher, account.password) for account in wanted))
    finally:
        hasher.close()
    async with database.transaction() as tx:
        for account, hashed in zip(wanted, hashes, strict=True):
            await _add(accounts, tx, account, hashed, now)
    return wanted


def write_accounts(data_dir: Path, accounts: Sequence[DemoAccount]) -> Path:
    """For the owner of the data directory alone."""
    file = data_dir / FILE
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump([asdict(account) for account in accounts], out, ensure_ascii=False, indent=1)
    return file


async def _citizens(database: Database, personas: Mapping[str, Mapping[str, str]]) -> list[DemoAccount]:
    first = personas.get("citizen", {}).get("id", "")
    rows = [(str(id), phone) for id, phone in await database.fetch(_PEOPLE, []) if not is_sealed_text(phone)]
    mobiles: dict[str, str] = {}
    for id, phone in sorted(rows, key=lambda row: row[0] != first):
        if len(phone) == 11:
            mobiles.setdefault(phone, id)
    chosen = list(mobiles.items())[:CITIZENS]
    return [DemoAccount("citizen", phone, ("resident",), row=id) for phone, id in chosen]


async def _staff(database: Database) -> list[DemoAccount]:
    found: dict[str, DemoAccount] = {}
    for id, login, own, of_post in await database.fetch(_STAFF, []):
        roles = tuple(sorted({*_list(own), *_list(of_post)}))
        for role in roles:
            found.setdefault(role, _officer("staff", login, roles, str(id)))
    return list({account.login: account for account in found.values()}.values())


def _admins() -> list[DemoAccount]:
    return [_officer("admin", role.replace("_", "."), (role,), None) for role in sorted(ADMIN_ROLES)]


def _officer(kind: str, login: str, roles: tuple[str, ...], row: str | None) -> DemoAccount:
    return DemoAccount(kind, login, roles, row, make_password(), totp.uri_of(totp.new_secret(), login))


async def _hash(hasher: Hasher, password: str | None) -> str | None:
    return None if password is None else await hasher.hash(password)


async def _add(accounts: Accounts, tx: Transaction, demo: DemoAccount, hashed: str | None, now: datetime) -> None:
    id, vault = uuid7(), accounts.vault
    if demo.kind == "citizen":
        key = vault.lookup(demo.login, "tb_account.phone")
        sealed = vault.seal(demo.login, f"tb_account.phone_sealed:{id}")
        await accounts.create_in(tx, "citizen", "demo", now, id=id, phone_sealed=sealed, phone_lookup=key)
        await accounts.bind(tx, id, str(demo.row), 2, "demo", "demo", now)
        return
    secret = totp.secret_of(str(demo.totp))
    columns: dict[str, Any] = {"staff": demo.row} if demo.kind == "staff" else {"admin_role": demo.roles[0]}
    await accounts.create_in(
        tx, "staff" if demo.kind == "staff" else "admin", "demo", now, id=id, login=demo.login, password=hashed,
        password_at=now, totp_sealed=vault.seal(secret, f"tb_account.totp_sealed:{id}"), **columns,
    )  # fmt: skip


def _list(raw: Any) -> list[str]:
    """A column of JSON as either database hands it over."""
    found = json.loads(raw) if isinstance(raw, str) else raw
    return list(found or ())
