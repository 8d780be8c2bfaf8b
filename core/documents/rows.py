"""Rows of tb_document as typed values, what is sealed in them, and what the installation signs of them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import orjson

from core.crypto import Vault
from core.store.database import Database, Transaction
from core.store.document_tables import DOCUMENT
from core.store.statement import load_row, statement

#: Crockford's letters: none is mistaken for another. 20 of them are 100 bits, beyond guessing.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARS, GROUP_CHARS = 20, 5
CODE, DIGEST = "tb_document.code", "tb_document.digest"
CONTENT, WHY = "tb_document.content:", "tb_document.revoked_why:"
#: What people type for the letters that Crockford leaves out.
_TYPED = str.maketrans("OIL", "011", "- ")


@dataclass(frozen=True, slots=True)
class Document:
    """One row; see core/store/document_tables.py."""

    id: str
    code: str
    number: str
    case_number: str
    plugin_id: str
    template: str
    title: str
    entity: str
    row_id: str
    file_field: str
    licence: str
    uscc: str
    unit: str
    holder: str | None
    content: str
    issued_on: date
    valid_to: date | None
    status: str
    made_at: datetime
    printed_at: datetime | None
    seal: str | None
    file: str | None
    digest: str | None
    signature: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None
    trouble: str | None

    @property
    def signed(self) -> bytes:
        """What the installation signs: a changed row is found out, like a changed file."""
        kept = ("id", "number", "title", "unit", "uscc", "entity", "row_id", "holder", "licence")
        more = (self.issued_on, self.valid_to, self.seal, self.file, self.digest)
        return orjson.dumps([*(getattr(self, name) for name in kept), *more])


@dataclass(frozen=True, slots=True)
class Content:
    """What is printed, and the masked name the verification page shows."""

    code: str
    paragraphs: tuple[str, ...]
    holder: str

    def sealed(self, vault: Vault, id: str) -> str:
        return vault.seal(orjson.dumps(self).decode(), CONTENT + id)

    @classmethod
    def of(cls, vault: Vault, document: Document) -> Content:
        """SealError when it cannot be opened."""
        found = orjson.loads(vault.unseal(document.content, CONTENT + document.id))
        return cls(found["code"], tuple(found["paragraphs"]), found["holder"])


_NAMES = tuple(part.name for part in fields(Document))


async def read(source: Database | Transaction, database: Database, where: str, **values: Any) -> Sequence[Document]:
    text = f"SELECT {', '.join(_NAMES)} FROM tb_document WHERE {where}"
    rows = await source.fetch(*statement(database.dialect, DOCUMENT, text, **values))
    return [Document(**load_row(database.dialect, DOCUMENT, _NAMES, row)) for row in rows]


def values_of(document: Document) -> dict[str, Any]:
    return {name: getattr(document, name) for name in _NAMES}


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))


def in_groups(code: str) -> str:
    return "-".join(code[i : i + GROUP_CHARS] for i in range(0, len(code), GROUP_CHARS))


def typed_code(text: str) -> str | None:
    """The code somebody typed or scanned; None = it is none."""
    code = text.strip().upper().translate(_TYPED)
    return code if len(code) == CODE_CHARS and set(code) <= set(ALPHABET) else None
