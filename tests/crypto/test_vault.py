"""Keys: made once, found by every node, never replaced; what is sealed opens only where it belongs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from core.crypto import KeyGoneError, RootKeyError, TamperedError, Vault
from core.settings import Settings, read_settings
from core.store.crypto_tables import CRYPTO_TABLES
from core.store.database import Database
from core.store.migrate import migrate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"TONGBAN_DATA_DIR": str(tmp_path / "data")})


@pytest.fixture
async def keys(database: Database) -> Database:
    await migrate(database, CRYPTO_TABLES)
    return database


@pytest.mark.parametrize("profile", ["sm", "aes"])
async def test_what_is_sealed_opens_with_its_context_only(
    keys: Database, settings: Settings, profile: Literal["sm", "aes"]
) -> None:
    vault = await Vault.open(keys, replace(settings, crypto=profile))
    sealed = vault.seal("张三 110101199001011234", "core.person.idno:1")
    assert sealed.startswith(f"tb1.{profile}d")
    assert "张三" not in sealed
    assert vault.unseal(sealed, "core.person.idno:1") == "张三 110101199001011234"
    with pytest.raises(TamperedError):
        vault.unseal(sealed, "core.person.idno:2")
    assert vault.seal("x", "c") != vault.seal("x", "c")


async def test_a_second_process_has_the_same_keys(keys: Database, settings: Settings) -> None:
    one = await Vault.open(keys, settings)
    two = await Vault.open(keys, settings)
    assert two.unseal(one.seal("值", "a"), "a") == "值"
    assert two.lookup("值", "a") == one.lookup("值", "a") != one.lookup("值", "b")
    assert two.has_mac(b"row", one.mac(b"row"))
    assert not two.has_mac(b"rows", one.mac(b"row"))
    assert await two.has_signature(b"anchor", await one.sign(b"anchor"))
    assert not await two.has_signature(b"another", await one.sign(b"anchor"))


async def test_nodes_that_start_together_agree(keys: Database, settings: Settings) -> None:
    vaults = await asyncio.gather(*(Vault.open(keys, settings) for _ in range(5)))
    assert {frozenset(vault.keys) for vault in vaults} == {frozenset(vaults[0].keys)}
    assert sorted(key.use for key in vaults[0].keys.values()) == ["audit", "data", "lookup", "sign"]


async def test_root_key_is_private_and_not_in_the_database(keys: Database, settings: Settings) -> None:
    await Vault.open(keys, settings)
    file = settings.secrets_dir / "root.key"
    assert file.stat().st_mode & 0o777 == 0o600
    rows = await keys.fetch("SELECT wrapped FROM tb_key", [])
    secret = file.read_text().split()[1]
    assert all(secret not in row[0] for row in rows)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), "找不到根密钥"),
        (lambda file: file.write_text("tongban-root-1 AAAA\n"), "不是根密钥"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "不是根密钥"),
        (lambda file: file.write_text(f"tongban-root-1 {'A' * 43}=\n"), "根密钥不对"),
    ],
)
async def test_a_lost_or_foreign_root_key_is_refused_and_not_replaced(
    keys: Database, settings: Settings, damage: object, words: str
) -> None:
    sealed = (await Vault.open(keys, settings)).seal("值", "a")
    file = settings.secrets_dir / "root.key"
    kept = file.read_bytes()
    damage(file)  # type: ignore[operator]  # one of the lambdas above
    damaged = file.read_bytes() if file.exists() else None
    with pytest.raises(RootKeyError, match=words):
        await Vault.open(keys, settings)
    assert (file.read_bytes() if file.exists() else None) == damaged
    file.write_bytes(kept)
    assert (await Vault.open(keys, settings)).unseal(sealed, "a") == "值"


async def test_rows_of_keys_cannot_change_places(keys: Database, settings: Settings) -> None:
    await Vault.open(keys, settings)
    async with keys.transaction() as tx:
        await tx.execute(
            "UPDATE tb_key SET wrapped = (SELECT wrapped FROM tb_key WHERE \"use\" = 'audit') WHERE \"use\" = 'data'"
        )
    with pytest.raises(RootKeyError, match="被改动过"):
        await Vault.open(keys, settings)


async def test_a_key_that_is_gone_is_named(keys: Database, settings: Settings) -> None:
    sealed = (await Vault.open(keys, settings)).seal("值", "a")
    async with keys.transaction() as tx:
        await tx.execute("DELETE FROM tb_key WHERE \"use\" = 'data'")
    vault = await Vault.open(keys, settings)
    with pytest.raises(KeyGoneError) as gone:
        vault.unseal(sealed, "a")
    assert gone.value.key_id == sealed.split(".")[1]
    assert vault.unseal(vault.seal("新", "a"), "a") == "新"


async def test_after_a_switch_of_profile_old_values_open(keys: Database, settings: Settings) -> None:
    sm = await Vault.open(keys, settings)
    aes = await Vault.open(keys, replace(settings, crypto="aes"))
    sealed = sm.seal("值", "a")
    assert aes.unseal(sealed, "a") == "值"
    assert aes.seal("值", "a").startswith("tb1.aesd")
    assert aes.lookups("值", "a") == [aes.lookup("值", "a"), sm.lookup("值", "a")]
    assert aes.has_mac(b"row", sm.mac(b"row"))
    # A process still of the old profile learns the new keys by reading the table.
    await sm.refresh()
    assert sm.unseal(aes.seal("值", "a"), "a") == "值"
    # Back again, what was sealed meanwhile is old.
    assert (sm.has_old("data"), aes.has_old("data")) == (True, True)


async def test_a_key_of_a_suite_nobody_here_knows_is_named(keys: Database, settings: Settings) -> None:
    await Vault.open(keys, settings)
    async with keys.transaction() as tx:
        await tx.execute("UPDATE tb_key SET profile = 'kms' WHERE use = 'sign'")
    with pytest.raises(RootKeyError, match="套件 kms"):
        await Vault.open(keys, settings)


async def test_a_rotated_key_is_published_before_it_is_used(
    keys: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await Vault.open(keys, settings), await Vault.open(keys, settings)
    old = one.current("data")
    new = await one.rotate("data")
    assert (new.number, one.current("data")) == (2, old)
    await two.refresh()
    monkeypatch.setattr("core.crypto.vault.utc_now", lambda: new.active_at)
    sealed = one.seal("值", "a")
    assert sealed.split(".")[1] == new.id
    assert two.unseal(sealed, "a") == "值"
