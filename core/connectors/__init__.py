"""Outside systems: what is sent to them, what comes from them, and that neither gets lost or counts twice."""

from core.connectors.connectors import Connectors, Health
from core.connectors.receiving import Request
from core.connectors.rows import CallRow
from core.connectors.taking import Taken

__all__ = ["CallRow", "Connectors", "Health", "Request", "Taken"]
