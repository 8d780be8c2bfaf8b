"""Rows of the tables of connectors as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import orjson

from core.crypto import Vault
from core.fields.column import Table
from core.store.connector_tables import CONNECTOR_CALL


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of tb_connector_call; see core/store/connector_tables.py."""

    TABLE: ClassVar[Table] = CONNECTOR_CALL

    id: str
    connector: str
    operation: str
    plugin_id: str
    division: str
    case_id: str | None
    case_number: str | None
    follow: Mapping[str, Any] | None
    request: str | None
    answer: str | None
    number: str | None
    state: str
    at: datetime
    tries: int
    error: str | None
    created_at: datetime
    ended_at: datetime | None
    claim: str | None

    @property
    def key(self) -> str:
        return f"{self.connector}.{self.operation}"


def sealed(vault: Vault, part: str, id: str, values: Mapping[str, Any]) -> str:
    """`part`: "request" or "answer"."""
    return vault.seal(orjson.dumps(dict(values)).decode(), f"tb_connector_call.{part}:{id}")


def opened(vault: Vault, part: str, id: str, text: str | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(vault.unseal(text, f"tb_connector_call.{part}:{id}")) if text else {}
    return found
