"""What a reader sees of one field: in clear, masked or not at all, always or depending on the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.expr import Expr, SqlScope, to_sql
from core.fields.base import Field
from core.fields.masks import is_sensitive, mask_of
from core.manifest.model import Rule


@dataclass(frozen=True, slots=True)
class When:
    """For which of the rows a reader may see: always, never, or where one of the conditions holds."""

    conditions: tuple[Expr, ...] = ()
    always: bool = False

    @property
    def never(self) -> bool:
        return not self.always and not self.conditions

    def sql(self, scope: SqlScope) -> str:
        """Never unknown inside CASE WHEN; wrap it before negating."""
        if self.always or not self.conditions:
            return "TRUE" if self.always else "FALSE"
        return "(" + " OR ".join(to_sql(condition, scope) for condition in self.conditions) + ")"


def when(chosen: Sequence[Rule], all_rules: Sequence[Rule]) -> When:
    """The rows that one of the chosen rules admits, among the rows that any of all rules admits."""
    if chosen and (len(chosen) == len(all_rules) or any(rule.where is None for rule in chosen)):
        return When(always=True)
    return When(tuple(dict.fromkeys(rule.where for rule in chosen if rule.where is not None)))


@dataclass(frozen=True, slots=True)
class FieldView:
    """`clear`: the value itself; `shown`: at least its mask."""

    field: Field
    clear: When
    shown: When

    @property
    def is_hidden(self) -> bool:
        return self.shown.never

    @property
    def is_clear(self) -> bool:
        """Readable in clear in every row the reader sees: what filters, order and groups need."""
        return self.clear.always

    @property
    def may_mask(self) -> bool:
        return not self.is_hidden and not self.clear.always

    def value_sql(self, scope: SqlScope, sql: str, *, masked: str | None = None) -> str:
        """`sql` (repeatable) guarded by the rights; `masked` replaces the mask where a value has another form."""
        if self.clear.always:
            return sql
        mask = self._mask_sql(scope, sql) if masked is None else masked
        if self.clear.never and self.shown.always:
            return mask
        clear = "" if self.clear.never else f" WHEN {self.clear.sql(scope)} THEN {sql}"
        shown = "" if self.is_hidden or mask == "NULL" else f" WHEN {self.shown.sql(scope)} THEN {mask}"
        return f"CASE{clear}{shown} END" if clear or shown else "NULL"

    def masked_sql(self, scope: SqlScope) -> str:
        """Whether this row's value is shown masked: the field then stands in maskedFields."""
        if not self.may_mask:
            return "FALSE"
        shown, clear = self.shown.sql(scope), self.clear.sql(scope)
        hidden_clear = "TRUE" if self.clear.never else f"NOT coalesce({clear}, FALSE)"
        return f"(coalesce({shown}, FALSE) AND {hidden_clear})"

    def _mask_sql(self, scope: SqlScope, sql: str) -> str:
        mask = mask_of(self.field)
        return mask.sql(scope.dialect_name, sql) if mask else "NULL"


#: Whoever may see a row may name it.
ALWAYS_OPEN = frozenset({"id", "version"})


def view_of(field: Field, rules: Sequence[Rule]) -> FieldView:
    opening = [rule for rule in rules if field.name in rule.fields or field.name in ALWAYS_OPEN]
    clearing = [rule for rule in opening if field.name in rule.clear or not is_sensitive(field)]
    return FieldView(field, when(clearing, rules), when(opening, rules))
