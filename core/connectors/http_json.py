"""Plain JSON over HTTPS, signed: `POST <address>/<operation>`. For systems that agree, or their front-end machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from core.connectors.signing import keys_of, sign
from core.connectors.wire import Call, RefusedError
from core.identity.providers import ProviderError
from core.manifest.connectors import Connector
from core.settings import SettingsError

ANSWER_MAX_BYTES = 256 * 1024
#: The other side must have had enough of us, or be away; any other 4xx says that it will never do it.
_LATER = frozenset({401, 403, 408, 425, 429})


class HttpJson:
    """`secrets_dir/connectors/<connector>.url` holds the address, `.key` beside it the key."""

    def __init__(self, connector: Connector, secrets_dir: Path, data_dir: Path) -> None:
        self._connector, self._secrets = connector, secrets_dir
        file = secrets_dir / "connectors" / f"{connector.key}.url"
        try:
            self._url = file.read_text("utf-8").strip().rstrip("/")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{connector.key}：读不到 {file}，里面应是对方的地址") from None
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise SettingsError(f"{file} 里应是 https:// 开头的地址")

    async def call(self, call: Call) -> Mapping[str, Any]:
        url, body = f"{self._url}/{call.operation}", orjson.dumps(dict(call.values))
        keys = keys_of(self._secrets, self._connector.key)
        if not keys:
            raise ProviderError(f"no key of {self._connector.key}")
        signed = sign(self._connector.signature, keys[0], "POST", urlsplit(url).path, body)
        headers = {"content-type": "application/json", "idempotency-key": call.key, **signed}
        try:
            status, text = await _post(url, body, headers, call.timeout_s)
        except httpx.HTTPError as error:
            # Addresses and bodies stand in the texts of errors.
            raise ProviderError(type(error).__name__) from None
        if 400 <= status < 500 and status not in _LATER:
            raise RefusedError(f"HTTP {status}")
        if status != 200:
            raise ProviderError(f"HTTP {status}")
        return _read(text)


async def _post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
    """Redirections are not followed: they would carry the values elsewhere."""
    async with (
        httpx.AsyncClient(timeout=timeout_s, trust_env=False) as client,
        client.stream("POST", url, content=body, headers=dict(headers)) as response,
    ):
        text = b""
        async for chunk in response.aiter_bytes():
            text += chunk
            if len(text) > ANSWER_MAX_BYTES:
                raise ProviderError("the answer is too long")
        return response.status_code, text


def _read(text: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ProviderError("the answer is no JSON object")
    return answer
