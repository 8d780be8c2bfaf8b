"""One expression language for rules and computed fields: a subset of CEL with two back ends that agree."""

from core.expr.parser import parse
from core.expr.tree import Expr, ExprError, Undecided, paths

__all__ = ["Expr", "ExprError", "Undecided", "parse", "paths"]
