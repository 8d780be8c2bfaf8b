"""Development: a payment provider made of files. It moves no money, and does on demand what real ones do by accident.

Beside the interface it is told what happens: `pay` (also twice, a wrong amount, without a callback), refunds
that fail, lines of a statement that are lost. Everything lies in `<data>/payments`: several processes see one provider.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from core.expr.clock import china_day
from core.fields.times import utc_now
from core.identity.providers import ProviderError
from core.payments.provider import CallbackRefused, Line, Order, Paid, PayLink, Refund, Refunded

SIGNATURE = "x-payment-signature"


@dataclass(frozen=True, slots=True)
class Posted:
    """A callback as it is sent: `POST /payments/callback/simulator`."""

    headers: Mapping[str, str]
    body: bytes


class Simulator:
    name = "simulator"

    def __init__(self, data_dir: Path, public_url: str) -> None:
        self.folder, self._public_url = data_dir / "payments", public_url
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def order(self, order: Order) -> PayLink:
        await asyncio.to_thread(self._begin, order)
        return PayLink(f"{self._public_url}/payments/simulator/{order.number}", {"amount_fen": order.amount_fen})

    async def query(self, number: str) -> Paid:
        return await asyncio.to_thread(self._query, number)

    async def close(self, number: str) -> Paid:
        return await asyncio.to_thread(self._close, number)

    async def refund(self, refund: Refund) -> Refunded:
        return await asyncio.to_thread(self._refund, refund)

    async def statement(self, day: date) -> Sequence[Line]:
        return await asyncio.to_thread(self._statement, day)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Paid:
        if not hmac.compare_digest(headers.get(SIGNATURE, "").encode(), self._sign(body).encode()):
            raise CallbackRefused("signature")
        try:
            told = json.loads(body)
            at = datetime.fromisoformat(told["at"])
            return Paid(str(told["number"]), "paid", int(told["amount_fen"]), str(told["ref"]), at)
        except (ValueError, KeyError, TypeError) as error:
            raise CallbackRefused("body") from error

    # What it is told.

    def pay(self, number: str, amount_fen: int | None = None, *, at: datetime | None = None) -> Posted:
        """Somebody pays; the callback that follows, to be sent as often as one likes, or never."""
        known = self._read(f"order-{number}") or {"amount_fen": amount_fen or 0}
        paid = amount_fen if amount_fen is not None else known["amount_fen"]
        ref = known.get("ref") or f"SIM{secrets.token_hex(8)}"
        state = {**known, "paid_fen": paid, "ref": ref, "at": (at or utc_now()).isoformat()}
        self._write(f"order-{number}", state)
        return self.posted({"number": number, "amount_fen": paid, "ref": ref, "at": state["at"]})

    def posted(self, told: Mapping[str, Any]) -> Posted:
        body = json.dumps(told).encode()
        return Posted({SIGNATURE: self._sign(body)}, body)

    def tell(self, **what: Any) -> None:
        """`refunds="fail"` or "away", `orders="away"`, `lost=[number, …]`: left out of statements."""
        self._write("told", {**self._told(), **what})

    # Files.

    def _begin(self, order: Order) -> None:
        if self._told().get("orders") == "away":
            raise ProviderError("told to be away")
        if self._read(f"order-{order.number}") is None:
            expires = order.expires_at.isoformat()
            self._write(f"order-{order.number}", {"amount_fen": order.amount_fen, "expires_at": expires})

    def _query(self, number: str) -> Paid:
        found = self._read(f"order-{number}")
        if found is None:
            return Paid(number, "closed")
        if "paid_fen" in found:
            return Paid(number, "paid", found["paid_fen"], found["ref"], datetime.fromisoformat(found["at"]))
        is_over = datetime.fromisoformat(found["expires_at"]) <= utc_now()
        return Paid(number, "closed" if is_over else "pending")

    def _close(self, number: str) -> Paid:
        if self._told().get("orders") == "away":
            raise ProviderError("told to be away")
        found = self._read(f"order-{number}") or {"amount_fen": 0}
        if "paid_fen" not in found:
            self._write(f"order-{number}", {**found, "expires_at": utc_now().isoformat()})
        return self._query(number)

    def _refund(self, refund: Refund) -> Refunded:
        if (told := self._told().get("refunds")) == "away":
            raise ProviderError("told to be away")
        if told == "fail":
            return Refunded("failed")
        found = self._read(f"refund-{refund.number}")
        if found is None:
            at, ref = utc_now().isoformat(), f"SIMR{secrets.token_hex(8)}"
            found = {"amount_fen": refund.amount_fen, "payment": refund.payment_number, "ref": ref, "at": at}
            self._write(f"refund-{refund.number}", found)
        return Refunded("done", found["ref"], datetime.fromisoformat(found["at"]))

    def _statement(self, day: date) -> list[Line]:
        lines, lost = [], self._told().get("lost", [])
        for path in sorted(self.folder.glob("*-*.json")):
            kind, _, number = path.stem.partition("-")
            found = self._read(path.stem) or {}
            if "at" in found and china_day(datetime.fromisoformat(found["at"])) == day and number not in lost:
                amount = found["paid_fen"] if kind == "order" else found["amount_fen"]
                lines.append(Line("pay" if kind == "order" else "refund", number, amount, found["ref"]))
        return lines

    def _told(self) -> dict[str, Any]:
        return self._read("told") or {}

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
            return found
        except FileNotFoundError:
            return None

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        half = self.folder / f"{name}.{secrets.token_hex(4)}"
        half.write_text(json.dumps(value), "utf-8")
        half.replace(self.folder / f"{name}.json")

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._key(), body, hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        path = self.folder / "key"
        if not path.exists():
            half = path.with_suffix(f".{secrets.token_hex(4)}")
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):
                # Of two processes that begin the first one's key stays.
                os.link(half, path)
            half.unlink()
        return path.read_bytes()
