"""Documents: certificates written out under a seal, and whether they are genuine."""

from core.documents.documents import Documents, Order, Verdict
from core.documents.wallet import Wallet

__all__ = ["Documents", "Order", "Verdict", "Wallet"]
