"""One key, one result: how the repetition of a request is told from another request."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotAuthenticatedError

from core.crypto import Vault

KEY_MAX_CHARS = 200


def key_id(actor: Actor, key: str) -> str:
    """Id of a caller's key in tb_idempotency. Strangers have no name that could keep their keys apart."""
    if not 0 < len(key) <= KEY_MAX_CHARS:
        raise InvalidInputError(f"幂等键应为 1 到 {KEY_MAX_CHARS} 个字符")
    if not actor.id:
        raise NotAuthenticatedError("请先登录再使用幂等键")
    return hashlib.sha256(f"{actor.id}\0{key}".encode()).hexdigest()


def inputs_of(actor: Actor, asked: Any, vault: Vault | None) -> list[str]:
    """What `input` may be for this request. Keyed: a plain hash of an ID number is found by trying them all.

    One account may speak for several people: what it did for one is no answer to what it asks for another."""
    whom = [actor.person, actor.legal_entity, actor.agent]
    text = orjson.dumps([whom, asked], default=str, option=orjson.OPT_SORT_KEYS)
    if vault is None:
        return [hashlib.sha256(text).hexdigest()]
    return vault.lookups(text.decode(), "tb_idempotency.input")


def used_otherwise() -> ConflictError:
    return ConflictError("同一个幂等键已用于另一个请求", hint="请为新的请求使用新的幂等键")
