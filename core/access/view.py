"""What a reader sees of one field: in clear, masked or not at all, always or depending on the row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.access.protection import UNPROTECTED, Protection
from core.access.rows import rows_sql
from core.access.scope import EntityScope
from core.expr import Expr
from core.expr.tree import both
from core.fields.base import Field
from core.fields.masks import is_sensitive, mask_of
from core.manifest.model import Rule
from core.store.dialect import literal


@dataclass(frozen=True, slots=True)
class When:
    """For which of the rows a reader may see: always, never, or where one of the conditions holds."""

    conditions: tuple[Expr, ...] = ()
    always: bool = False

    @property
    def never(self) -> bool:
        return not self.always and not self.conditions

    def sql(self, scope: EntityScope) -> str:
        """Never unknown inside CASE WHEN; wrap it before negating."""
        if self.always or not self.conditions:
            return "TRUE" if self.always else "FALSE"
        return "(" + " OR ".join(rows_sql(condition, scope) for condition in self.conditions) + ")"


#: A rule and the rows of it that count; None = all of them.
Chosen = tuple[Rule, Expr | None]


def when(chosen: Sequence[Chosen], all_rules: Sequence[Rule]) -> When:
    """The rows the chosen rules admit under their conditions, among the rows that any of all rules admits."""
    whole = sum(condition == rule.where for rule, condition in chosen)
    if any(condition is None for _, condition in chosen) or (chosen and whole == len(all_rules)):
        return When(always=True)
    return When(tuple(dict.fromkeys(condition for _, condition in chosen if condition is not None)))


@dataclass(frozen=True, slots=True)
class FieldView:
    """`clear`: the value itself; `shown`: at least its mask."""

    field: Field
    clear: When
    shown: When
    #: Rules that show the value in clear, each with its condition, in their order.
    clearing: tuple[Chosen, ...] = ()
    #: Whether the rules open it in clear in every row, were nobody a child and had everybody consented.
    is_comparable: bool = False

    @property
    def is_hidden(self) -> bool:
        return self.shown.never

    @property
    def is_clear(self) -> bool:
        """Readable in clear in every row the reader sees: order and groups need it.

        A filter may also compare a field that `is_comparable`, if `clear.sql` stands beside the comparison.
        """
        return self.clear.always

    @property
    def may_mask(self) -> bool:
        return not self.is_hidden and not self.clear.always

    def value_sql(self, scope: EntityScope, sql: str, *, masked: str | None = None) -> str:
        """`sql` (repeatable) guarded by the rights; `masked` replaces the mask where a value has another form."""
        if self.clear.always:
            return sql
        mask = self._mask_sql(scope, sql) if masked is None else masked
        if self.clear.never and self.shown.always:
            return mask
        clear = "" if self.clear.never else f" WHEN {self.clear.sql(scope)} THEN {sql}"
        shown = "" if self.is_hidden or mask == "NULL" else f" WHEN {self.shown.sql(scope)} THEN {mask}"
        return f"CASE{clear}{shown} END" if clear or shown else "NULL"

    def masked_sql(self, scope: EntityScope) -> str:
        """Whether this row's value is shown masked: the field then stands in maskedFields."""
        if not self.may_mask:
            return "FALSE"
        shown, clear = self.shown.sql(scope), self.clear.sql(scope)
        hidden_clear = "TRUE" if self.clear.never else f"NOT coalesce({clear}, FALSE)"
        return f"(coalesce({shown}, FALSE) AND {hidden_clear})"

    def rule_sql(self, scope: EntityScope) -> str:
        """Id of the first rule that shows this row's value in clear; null when none does."""
        branches = [
            f" WHEN {'TRUE' if condition is None else rows_sql(condition, scope)} THEN {literal(rule.id)}"
            for rule, condition in self.clearing
        ]
        return f"CASE{''.join(branches)} END" if branches else "NULL"

    def _mask_sql(self, scope: EntityScope, sql: str) -> str:
        mask = mask_of(self.field)
        return mask.sql(scope.dialect_name, sql) if mask else "NULL"


#: Whoever may see a row may name it.
ALWAYS_OPEN = frozenset({"id", "version"})


def view_of(
    field: Field,
    rules: Sequence[Rule],
    protection: Protection = UNPROTECTED,
    *,
    listed: bool = False,
    unmasks: bool = False,
) -> FieldView:
    """`listed`: the value stands beside those of other rows. `unmasks`: the reader has stated a purpose."""
    opening = [rule for rule in rules if field.name in rule.fields or field.name in ALWAYS_OPEN]
    clearing = [rule for rule in opening if _clears(rule, field, unmasks)]
    clear, shown = (
        tuple(_under_law(chosen, field, protection, listed, is_clear=is_clear))
        for chosen, is_clear in ((clearing, True), (opening, False))
    )
    declared = when([(rule, rule.where) for rule in clearing], rules)
    is_comparable = declared.always and field.level != "L4"
    return FieldView(field, when(clear, rules), when(shown, rules), clear, is_comparable)


def _clears(rule: Rule, field: Field, unmasks: bool) -> bool:
    return not is_sensitive(field) or field.name in rule.clear or (unmasks and field.name in rule.unmask)


def _under_law(
    rules: Sequence[Rule], field: Field, protection: Protection, listed: bool, *, is_clear: bool
) -> Iterator[Chosen]:
    """Rules with the rows that remain of them.

    L4: in clear only under a relation and never in a list; in a list masked, and only under a relation. L3 of a child
    is L4. What rests on consent is not even masked without it.
    """
    for rule in rules:
        is_lifted_closed = (listed and (is_clear or not rule.relation)) or (is_clear and not rule.relation)
        if field.level == "L4" and is_lifted_closed:
            continue
        adult = protection.adult if is_lifted_closed else None
        yield rule, both(rule.where, adult, protection.consent_for(rule))
