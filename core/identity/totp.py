"""Second factor: time-based one-time passwords (RFC 6238), SHA-1, six digits, 30 seconds, as every app makes them."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp
from pyotp.totp import TOTP

STEP_S = 30
ISSUER = "通办"


def new_secret() -> str:
    """160 bits, base32."""
    return pyotp.random_base32()


def uri_of(secret: str, login: str) -> str:
    """What an app reads as a QR code."""
    return TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of(secret: str | None, code: str, now: datetime, around: int) -> int | None:
    """The step a code belongs to, None when to none near now. Without a secret the same work is done."""
    totp = TOTP(secret or "A" * 32)
    current = int(now.timestamp()) // STEP_S
    found = None
    for step in range(current - around, current + around + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found if secret is not None else None


def secret_of(uri: str) -> str:
    """The secret of such a URI."""
    return str(pyotp.parse_uri(uri).secret)
