"""The one way a row changes."""

from core.write.events import Check, OnCommit, Written
from core.write.writer import Writer

__all__ = ["Check", "OnCommit", "Writer", "Written"]
