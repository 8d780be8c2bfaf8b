"""One expression language for rules and computed fields: a subset of CEL with two back ends that agree."""

from core.expr.evaluate import evaluate
from core.expr.parser import parse
from core.expr.sql import SqlScope, to_sql, typed_sql
from core.expr.tree import Expr, ExprError, Undecided, paths
from core.expr.types import Type, check_types

__all__ = [
    "Expr",
    "ExprError",
    "SqlScope",
    "Type",
    "Undecided",
    "check_types",
    "evaluate",
    "parse",
    "paths",
    "to_sql",
    "typed_sql",
]
