"""Who did what to whom: numbered, authenticated, chained."""

from core.audit.audit import Audit
from core.audit.call import audited
from core.audit.entry import Entry

__all__ = ["Audit", "Entry", "audited"]
