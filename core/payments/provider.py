"""Who takes money for the county: one provider, 统一公共支付 or a bank, behind this interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from core.identity.providers import ProviderError, load_provider
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider is asked to collect. The same number asked for again is the same order."""

    number: str
    amount_fen: int
    title: str
    #: After this nobody may pay it any more: the provider must be told and must keep to it.
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PayLink:
    """What the citizen's device opens: an address, or the parameters of a payment SDK."""

    url: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Paid:
    """What a provider knows of an order. `pending` may still be paid, `closed` never will."""

    number: str
    state: Literal["pending", "paid", "closed"]
    amount_fen: int = 0
    provider_ref: str = ""
    #: Aware.
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to give back. The same number asked for again is the same refund."""

    number: str
    payment_number: str
    provider_ref: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """`pending`: asked for again later, under the same number."""

    state: Literal["pending", "done", "failed"]
    provider_ref: str = ""
    #: When the money went, aware.
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a day's statement."""

    line: Literal["pay", "refund"]
    #: Of our payment or refund.
    number: str
    amount_fen: int
    provider_ref: str = ""


class CallbackRefused(Exception):
    """The signature of a callback does not fit, or it cannot be read."""


class PaymentProvider(Protocol):
    """Every method may raise ProviderError: away, try again. Money moves in fen."""

    #: In the callback's address: /payments/callback/<name>.
    name: str

    async def order(self, order: Order) -> PayLink: ...

    async def query(self, number: str) -> Paid:
        """An order it has never heard of is `closed`."""
        ...

    async def close(self, number: str) -> Paid:
        """From now on nobody may pay it: `closed`; or how it stands, when somebody has paid or is just paying."""
        ...

    async def refund(self, refund: Refund) -> Refunded: ...

    async def statement(self, day: date) -> Sequence[Line]:
        """All of a day (+08:00) that is over."""
        ...

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Paid:
        """After its signature was checked; CallbackRefused. Names of headers are in small letters."""
        ...


class NoPayments:
    """Nothing is collected: bills are told, orders refused."""

    name = "none"

    async def order(self, order: Order) -> PayLink:
        raise ProviderError("TONGBAN_PAYMENTS is not set")

    async def query(self, number: str) -> Paid:
        raise ProviderError("TONGBAN_PAYMENTS is not set")

    async def close(self, number: str) -> Paid:
        raise ProviderError("TONGBAN_PAYMENTS is not set")

    async def refund(self, refund: Refund) -> Refunded:
        raise ProviderError("TONGBAN_PAYMENTS is not set")

    async def statement(self, day: date) -> Sequence[Line]:
        return ()

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Paid:
        raise CallbackRefused("TONGBAN_PAYMENTS is not set")


def open_payments(settings: Settings, **outside: Any) -> PaymentProvider:
    """As TONGBAN_PAYMENTS says; SettingsError when it names nothing usable."""
    from core.payments.simulator import Simulator

    match settings.payments or ("simulator" if settings.profile == "dev" else "none"):
        case "none":
            return NoPayments()
        case "simulator":
            return Simulator(settings.data_dir, settings.public_url)
        case spec:
            found: PaymentProvider = load_provider("TONGBAN_PAYMENTS", spec, **outside)
            return found
