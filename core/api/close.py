"""How a socket ends: close codes of graphql-transport-ws and RFC 6455, see docs/api.md."""

from __future__ import annotations

BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
BAD_PROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE_ID = 4409
TOO_MANY = 4429
#: RFC 6455's "service restart": the schema changed under the socket, connect again.
RESTART = 1012


class Close(Exception):
    """Ends a socket with a code its client can act on."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason
