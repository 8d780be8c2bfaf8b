"""What people owe and pay: bills, orders at a provider, refunds, daily reconciliation."""

from core.payments.payments import Payments, open_payments_room
from core.payments.provider import open_payments

__all__ = ["Payments", "open_payments", "open_payments_room"]
