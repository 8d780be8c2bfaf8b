"""Values of an answer by response key: how graphql-core walks what the planner fetched."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

#: Postgres cuts column names here, in bytes.
KEY_BYTES_MAX = 63


def column_key(key: str) -> str:
    """The column that carries a response key: the key itself, or a digest when it is too long for Postgres."""
    return key if len(key) <= KEY_BYTES_MAX else f"~{sha256(key.encode()).hexdigest()[:40]}"


def pick(source: Any, info: Any, **_: Any) -> Any:
    """Resolver of every field below a manifest root field: arguments, rights and masks are in the SQL already."""
    return source[column_key(info.path.key)]
