"""Who may do what: rules as SQL and as Python, and what each field shows."""

from core.access.me import me_of
from core.access.model import AccessModel
from core.access.scope import EntityScope
from core.access.view import FieldView

__all__ = ["AccessModel", "EntityScope", "FieldView", "me_of"]
