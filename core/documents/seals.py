"""Electronic seals of units: made once, used under the audit, stopped for good. Signatures are PAdES (ETSI EN 319 142).

A seal belongs to the department of a plugin's manifest; no template can name another, so nobody seals for others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError

from core.audit import Audit, Entry
from core.crypto import Vault
from core.documents import pades
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.fields.times import utc_now
from core.store.database import Database, Insert
from core.store.document_tables import SEAL
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.statement import load_row, statement

_NAMES = tuple(column.name for column in SEAL.columns)
#: Longer than any document it signs is asked for; a county's own authority may give it less.
VALID_FOR = timedelta(days=365 * 20)
KEY = "tb_seal.key:"


@dataclass(frozen=True, slots=True)
class Seal:
    """One row of tb_seal; see core/store/document_tables.py."""

    id: str
    uscc: str
    unit: str
    certificate: str
    key: str
    made_at: datetime
    number: int
    stopped_at: datetime | None

    @property
    def serial(self) -> str:
        """Of the certificate, hexadecimal."""
        return f"{x509.load_pem_x509_certificate(self.certificate.encode()).serial_number:X}"


class SealStoppedError(Exception):
    """The unit's seal was stopped: nothing is sealed until a new one is made."""


@dataclass(frozen=True, slots=True)
class Seals:
    database: Database
    vault: Vault
    audit: Audit

    async def of(self, actor: Actor, uscc: str, unit: str) -> Seal:
        """The seal of a unit, made when it is first needed. SealStoppedError."""
        newest = await self._newest(uscc)
        if newest is None:
            newest = await self._make(actor, uscc, unit, 1)
        if newest.stopped_at is not None:
            raise SealStoppedError(uscc)
        return newest

    async def make(self, actor: Actor, uscc: str, unit: str) -> Seal:
        """A new seal (制章); what was sealed with the one before stays good."""
        before = await self._newest(uscc)
        return await self._make(actor, uscc, unit, before.number + 1 if before else 1)

    async def _make(self, actor: Actor, uscc: str, unit: str, number: int) -> Seal:
        """The number is what the caller found free: of two who make one seal the second takes the first's."""
        now, id = utc_now(), uuid7()
        key, certificate = await asyncio.to_thread(_pair, unit, uscc, now)
        seal = Seal(id, uscc, unit, certificate, self.vault.seal(key, KEY + id), now, number, None)
        try:
            async with self.database.transaction() as tx:
                await tx.insert([Insert(SEAL, {name: getattr(seal, name) for name in _NAMES})])
                line = Entry(actor, "seal.make", row_id=id, detail=f"制章：{unit}，第 {seal.number} 枚")
                await self.audit.within(tx, line)
        except UniqueError:
            # Another process was faster: its seal is the unit's.
            return await self.of(actor, uscc, unit)
        return seal

    async def stop(self, actor: Actor, id: str) -> Seal:
        """Nothing is sealed with it from now on. What it sealed stays as it is; revoke documents one by one."""
        id = (await self._get(id)).id
        text = "UPDATE tb_seal SET stopped_at = {now:stopped_at} WHERE id = {id} AND stopped_at IS NULL"
        async with self.database.transaction() as tx:
            changed = await tx.execute(*statement(self.database.dialect, SEAL, text, id=id, now=utc_now()))
            if changed:
                await self.audit.within(tx, Entry(actor, "seal.stop", row_id=id))
        return await self._get(id)

    async def replace(self, actor: Actor, id: str) -> Seal:
        """Stop a seal and make the unit's next one, whose name the next document may bring anew."""
        old = await self.stop(actor, id)
        newest = await self._newest(old.uscc)
        return newest if newest and newest.stopped_at is None else await self.make(actor, old.uscc, old.unit)

    async def all(self, where: str = "TRUE", **values: Any) -> list[Seal]:
        text = f"SELECT {', '.join(_NAMES)} FROM tb_seal WHERE {where} ORDER BY uscc, number"
        rows = await self.database.fetch(*statement(self.database.dialect, SEAL, text, **values))
        return [Seal(**load_row(self.database.dialect, SEAL, _NAMES, row)) for row in rows]

    async def sign(self, seal: Seal, pdf: bytes, title: str) -> bytes:
        """The PDF with the seal's signature over all of it."""
        return await pades.sign(pdf, self.vault.unseal(seal.key, KEY + seal.id), seal.certificate, title, seal.unit)

    async def _get(self, id: str) -> Seal:
        try:
            found = await self.all("id = {id}", id=parse_uuid(id))
        except FieldError:
            found = []
        if not found:
            raise NotFoundError("没有这枚印章")
        return found[0]

    async def _newest(self, uscc: str) -> Seal | None:
        found = await self.all("uscc = {uscc}", uscc=uscc)
        return found[-1] if found else None


def _pair(unit: str, uscc: str, now: datetime) -> tuple[str, str]:
    """Private key and a certificate that says whose it is, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(x509.NameOID.COMMON_NAME, unit),
        x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, uscc),
    ])  # fmt: skip
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + VALID_FOR)
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    builder = builder.add_extension(usage, critical=True)
    certificate = builder.add_extension(x509.BasicConstraints(False, None), critical=True).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
