"""Documents: certificates written out under a seal, and whether they are genuine."""

from core.documents.documents import Documents, Order, Verdict

__all__ = ["Documents", "Order", "Verdict"]
