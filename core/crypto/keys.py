"""The keys in tb_key: read, unwrapped, made. Several nodes that start together end with the same ones."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.crypto.errors import RootKeyError, TamperedError
from core.crypto.provider import CryptoProvider
from core.fields.times import utc_now
from core.store.crypto_tables import KEY
from core.store.database import Database, Insert
from core.store.errors import UniqueError
from core.store.statement import load_row

#: data seals, lookup finds equals, audit authenticates rows, sign signs (a key pair).
Use = Literal["data", "lookup", "audit", "sign"]
USES: tuple[Use, ...] = ("data", "lookup", "audit", "sign")
#: A new key is published this long before it is used; every node reads the table more often than that.
PUBLISHED = timedelta(seconds=30)
_COLUMNS = tuple(column.name for column in KEY.columns)
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Key:
    """One key, unwrapped. `id` begins with its profile, so that every value says how it was made."""

    id: str
    use: Use
    number: int
    provider: CryptoProvider
    secret: bytes
    made_at: datetime
    active_at: datetime


Providers = Mapping[str, CryptoProvider]


async def key_rows(database: Database) -> list[Mapping[str, object]]:
    """tb_key as it stands, wrapped, oldest first."""
    rows = await database.fetch(f"SELECT {', '.join(_quoted())} FROM {KEY.name} ORDER BY made_at, id", [])
    return [load_row(database.dialect, KEY, _COLUMNS, row) for row in rows]


async def read_keys(database: Database, providers: Providers, known: Collection[str] = ()) -> list[Key]:
    """Keys that are not known yet; RootKeyError when they are wrapped by another root key."""
    return [await _unwrapped(row, providers) for row in await key_rows(database) if row["id"] not in known]


async def make_key(database: Database, provider: CryptoProvider, use: Use, number: int, *, at_once: bool) -> bool:
    """Add key `number` of a use; False when another node has just made it."""
    id, now = _new_id(provider, use), utc_now()
    secret = await provider.new_signing_key() if use == "sign" else provider.new_key()
    wrapped = base64.b64encode(await provider.wrap(secret, _label(id, use, provider.profile))).decode()
    row = {
        "id": id,
        "use": use,
        "profile": provider.profile,
        "number": number,
        "root": provider.root_id,
        "wrapped": wrapped,
        "made_at": now,
        "active_at": now if at_once else now + PUBLISHED,
    }
    try:
        await database.insert([Insert(KEY, row)])
    except UniqueError:
        return False
    return True


async def _unwrapped(row: Mapping[str, object], providers: Providers) -> Key:
    id, use, profile = str(row["id"]), str(row["use"]), str(row["profile"])
    provider = providers.get(profile)
    if provider is None:
        raise RootKeyError(f"密钥 {id} 属于套件 {profile}，这里没有：请用认识它的版本，或从备份恢复 tb_key 的这一行")
    if row["root"] != provider.root_id:
        raise RootKeyError(
            f"根密钥不对：密钥 {id} 由根密钥 {row['root']} 包着，现在的是 {provider.root_id}。"
            "请把原来的 root.key 放回 TONGBAN_SECRETS_DIR；不会另造一把"
        )
    try:
        secret = await provider.unwrap(base64.b64decode(str(row["wrapped"])), _label(id, use, profile))
    except (TamperedError, binascii.Error):
        raise RootKeyError(f"tb_key 里的密钥 {id} 被改动过：请从备份恢复这一行") from None
    return Key(id, use, row["number"], provider, secret, row["made_at"], row["active_at"])  # type: ignore[arg-type]  # as tb_key says


def _label(id: str, use: str, profile: str) -> str:
    """Bound to the wrapped key: rows of tb_key cannot change places."""
    return f"tongban key {id} {use} {profile}"


def _new_id(provider: CryptoProvider, use: Use) -> str:
    return f"{provider.profile}{use[0]}{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"


def _quoted() -> list[str]:
    return [f'"{name}"' for name in _COLUMNS]
