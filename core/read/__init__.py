"""Reading: selections and rules become one SQL statement whose text is the answer."""

from core.read.context import RequestContext
from core.read.export import export_rows
from core.read.plan import Compiled
from core.read.reader import Reader
from core.read.roots import RootField

__all__ = ["Compiled", "Reader", "RequestContext", "RootField", "export_rows"]
