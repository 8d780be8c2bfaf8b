"""Expressions in manifests: parsed and typed, faults reported at their place."""

from __future__ import annotations

from tongban_sdk.problems import Place

from core.expr import Expr, ExprError, Type, check_types, parse, paths
from core.fields.names import EntityNames
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean
from core.manifest.model import Entity


def read_expression(source: str, entity: Entity, place: Place, draft: Draft) -> tuple[Expr, Type] | None:
    """An expression over rows of an entity; None is already reported."""
    names = EntityNames(entity, draft.entity_of, draft.inverse_of)
    expr = None
    try:
        expr = parse(source)
        return expr, check_types(expr, names)
    except ExprError as err:
        if expr is not None and any(_is_excused(path, draft) for path in paths(expr)):
            return None
        draft.error("expr.invalid", place, f"表达式有误：{err}", _hint(err.message, names))
        return None


def _hint(message: str, names: EntityNames) -> str:
    """A field that is missing has a neighbour; everything else is told by the message and the page."""
    kind, _, name = message.partition(" ")
    return did_you_mean(name, names) if kind == "没有字段" else "写法见 docs/expressions.md"


def _is_excused(path: tuple[str, ...], draft: Draft) -> bool:
    """What the path leads through has its own problem."""
    broken = set().union(*draft.broken_fields.values())
    return bool(broken.intersection(path)) or (len(path) > 1 and any(f.startswith("entities/") for f in draft.broken))
