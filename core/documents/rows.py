"""Rows of tb_document as typed values, what is sealed in them, and what the installation signs of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

import orjson
from tongban_sdk.actor import Actor

from core.audit import Entry
from core.crypto import Vault
from core.fields.column import Table
from core.store.document_tables import DOCUMENT

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

    TABLE: ClassVar[Table] = DOCUMENT

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


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))


def in_groups(code: str) -> str:
    return "-".join(code[i : i + GROUP_CHARS] for i in range(0, len(code), GROUP_CHARS))


def typed_code(text: str) -> str | None:
    """The code somebody typed or scanned; None = it is none."""
    code = text.strip().upper().translate(_TYPED)
    return code if len(code) == CODE_CHARS and set(code) <= set(ALPHABET) else None


def title_of(document: Document) -> str:
    return f"{document.title} {document.number}"


def line(actor: Actor, action: str, document: Document, detail: str = "") -> Entry:
    """Of the audit: what was done with a document."""
    subjects = (document.holder,) if document.holder else ()
    return Entry(
        actor, action, document.entity, document.row_id, subjects=subjects, case=document.case_number,
        detail=detail or title_of(document),
    )  # fmt: skip
