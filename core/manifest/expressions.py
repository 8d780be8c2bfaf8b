"""Expressions in manifests: parsed and typed, faults reported at their place."""

from __future__ import annotations

from dataclasses import dataclass, field

from tongban_sdk.problems import Place

from core.expr import Expr, ExprError, Type, check_types, parse, paths
from core.expr.tree import Call, Literal, Me, Path, nodes
from core.expr.types import ASKED
from core.fields.names import EntityNames
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean
from core.manifest.model import Entity
from core.manifest.sealed_checks import check_comparisons

#: Stands where a faulty expression stood, so that nothing more is said about it.
_FAULTY = Literal(True)


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


def read_condition(source: str, entity: Entity, place: Place, draft: Draft, *, by_caller: bool = False) -> Expr | None:
    """True or false of a row, worked out by the database; None is already reported.

    Without `by_caller` the host asks it when nobody calls, so it cannot speak about `me`.
    """
    found = read_expression(source, entity, place, draft)
    if found is None:
        return None
    expr, result = found
    check_comparisons(expr, entity, place, draft)
    if result.kind != "bool":
        draft.error("expr.not-bool", place, f"条件应得到是否，这里得到{result}", '写成比较，如 state == "open"')
    if not by_caller:
        check_caller(expr, place, draft)
    return expr


def check_caller(expr: Expr, place: Place, draft: Draft) -> None:
    """Nobody calls here, so nothing may be said about `me`."""
    if any(isinstance(n, Me) or (isinstance(n, Call) and ASKED.get(n.function)) for n in nodes(expr)):
        message = "这里由系统自己判断，没有谁在操作：不能用 me、in_org、participates"
        draft.error("expr.caller", place, message, "只用这一行的字段；谁可以做由角色决定")


@dataclass(frozen=True, slots=True)
class Checked:
    """The origin of a document of a manifest: faults in its expressions are reported."""

    document: Document
    #: None = already reported: nothing can be said about its expressions.
    entity: Entity | None
    draft: Draft
    #: Types of the values that are sound, by their paths.
    types: dict[tuple[str | int, ...], Type] = field(default_factory=dict)

    def place(self, *path: str | int) -> Place:
        return self.document.place(*path)

    def condition(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        if self.entity is None:
            return _FAULTY
        place = self.place(*path)
        return read_condition(source, self.entity, place, self.draft, by_caller=by_caller) or _FAULTY

    def value(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        found = read_expression(source, self.entity, self.place(*path), self.draft) if self.entity else None
        if found is None or self.entity is None:
            return _FAULTY
        expr, self.types[path] = found
        if not isinstance(expr, Path):
            # A field as it is can be copied even when it lies sealed.
            check_comparisons(expr, self.entity, self.place(*path), self.draft)
        if not by_caller:
            check_caller(expr, self.place(*path), self.draft)
        return expr


def _hint(message: str, names: EntityNames) -> str:
    """A field that is missing has a neighbour; everything else is told by the message and the page."""
    kind, _, name = message.partition(" ")
    return did_you_mean(*names.beside(name)) if kind == "没有字段" else "写法见 docs/expressions.md"


def _is_excused(path: tuple[str, ...], draft: Draft) -> bool:
    """What the path leads through has its own problem."""
    broken = set().union(*draft.broken_fields.values())
    return bool(broken.intersection(path)) or (len(path) > 1 and any(f.startswith("entities/") for f in draft.broken))
