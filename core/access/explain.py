"""Why somebody sees a row: which rules hold for it, what they show of each field, and what the law takes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tongban_sdk.actor import Actor

from core.access.me import me_of
from core.access.model import AccessModel
from core.access.protection import Protection
from core.access.scope import EntityScope
from core.access.view import ALWAYS_OPEN, FieldView
from core.expr import Expr, to_sql
from core.fields import all_fields
from core.fields.base import Field
from core.fields.column import Column
from core.fields.masks import is_sensitive
from core.manifest.model import DELEGATE, Entity, Relation, Rule, World
from core.store.database import Database
from core.store.dialect import quote
from core.store.sql import Const, Env, Params

Shown = Literal["clear", "masked", "hidden"]
#: What keeps a caller out: not known well enough; a delegation that covers other plugins.
Lack = Literal["real_name", "delegation"]
#: What keeps a value from being clear: the person is a child (or may be one), gave no consent; no relation is declared.
Closed = Literal["child", "consent", "relation"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule admits the row; None = its condition lacks a fact."""

    rule: Rule
    holds: bool | None
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    #: In the row itself.
    shown: Shown
    #: In a list.
    listed: Shown
    #: The first rule that shows it so; None when hidden, or open to whoever sees the row.
    rule: Rule | None
    #: Why a value that a rule opens is not clear.
    closed: tuple[Closed, ...] = ()
    #: Whether it can be seen in clear after a purpose has been stated.
    can_unmask: bool = False

    @property
    def relation(self) -> Relation:
        return self.rule.relation if self.rule else ""


@dataclass(frozen=True, slots=True)
class Explanation:
    #: False for a row that does not exist or is deleted.
    exists: bool
    #: Rules of the actor's roles, in the order of the manifests.
    verdicts: tuple[Verdict, ...]
    #: Roles that other rules of this entity name.
    other_roles: tuple[str, ...]
    #: Rules of this entity whose role nobody declares any more; they open nothing.
    orphans: tuple[Rule, ...]
    fields: Mapping[str, FieldVerdict]

    @property
    def rule(self) -> Rule | None:
        """The rule that lets the actor in."""
        return next((v.rule for v in self.verdicts if v.holds and self.exists), None)


async def explain_read(
    database: Database, world: World, model: AccessModel, actor: Actor, entity: Entity, id: str, now: datetime
) -> Explanation:
    """Ask the database itself, with the very conditions that queries use."""
    rules = model.rules(actor.roles, entity.key, "read")
    asked = _Asked(world, entity, Params(database.dialect))
    alive = asked.sql("r.deleted_at IS NULL")
    held = [asked.expr(rule.where) for rule in rules]
    views = {name: _Views(model, rules, field, entity, asked) for name, field in all_fields(entity).items()}
    await asked.answer(database, actor, id, now)
    verdicts = tuple(
        Verdict(rule, asked.of(number), _lacks(rule, actor)) for rule, number in zip(rules, held, strict=True)
    )
    is_alive = bool(asked.of(alive))
    admitting = [v.rule for v in verdicts if v.holds] if is_alive else []
    others = {r.role for r in world.rules if r.entity == entity.key and "read" in r.can} - actor.roles
    fields = {name: view.verdict(admitting) for name, view in views.items()}
    orphans = tuple(rule for rule in model.orphans if rule.entity == entity.key)
    return Explanation(is_alive, verdicts, tuple(sorted(others)), orphans, fields)


def _lacks(rule: Rule, actor: Actor) -> tuple[Lack, ...]:
    found: list[Lack] = ["real_name"] if actor.real_name < rule.real_name else []
    return (
        (*found, "delegation")
        if rule.role == DELEGATE and not {rule.plugin_id, rule.entity} & set(actor.scopes)
        else tuple(found)
    )


class _Asked:
    """Conditions over one row, asked in one statement."""

    def __init__(self, world: World, entity: Entity, params: Params) -> None:
        self.scope = EntityScope(world, entity, "r", params)
        self._sqls: list[str] = []
        self._answers: Sequence[object] = ()

    def sql(self, sql: str) -> int:
        """The number under which the answer will be found."""
        self._sqls.append(sql)
        return len(self._sqls) - 1

    def expr(self, expr: Expr | None) -> int:
        return self.sql("TRUE" if expr is None else to_sql(expr, self.scope))

    async def answer(self, database: Database, actor: Actor, id: str, now: datetime) -> None:
        params = self.scope.params
        mark = params.add(Const(id), Column("id", "uuid"))
        sql = f"SELECT {', '.join(self._sqls)} FROM {quote(self.scope.entity.table)} r WHERE r.id = {mark}"
        rows = await database.fetch(sql, params.bind(Env(me_of(actor), {}, now)))
        self._answers = rows[0] if rows else [None] * len(self._sqls)

    def of(self, number: int) -> bool | None:
        value = self._answers[number]
        return None if value is None else bool(value)


class _Views:
    """One field in the row, in a list and unmasked: what is asked of the database, and what follows from it."""

    def __init__(self, model: AccessModel, rules: Sequence[Rule], field: Field, entity: Entity, asked: _Asked) -> None:
        self._field, self._asked = field, asked
        self._protection: Protection = model.protection(entity, field)
        self._one = self._ask(model.field_view(rules, field, entity))
        self._many = self._ask(model.field_view(rules, field, entity, listed=True))
        self._unmasked = self._ask(model.may_unmask(rules, field, entity))
        self._adult, self._consent = asked.expr(self._protection.adult), asked.expr(self._protection.consent)

    def _ask(self, view: FieldView) -> tuple[int, int]:
        return self._asked.sql(view.clear.sql(self._asked.scope)), self._asked.sql(view.shown.sql(self._asked.scope))

    def verdict(self, admitting: Sequence[Rule]) -> FieldVerdict:
        if not admitting:
            return FieldVerdict("hidden", "hidden", None)
        opening = [rule for rule in admitting if self._field.name in rule.fields or self._field.name in ALWAYS_OPEN]
        shown, listed = self._shown(self._one), self._shown(self._many)
        closed = tuple(self._closed(opening)) if shown != "clear" else ()
        can_unmask = shown != "clear" and self._shown(self._unmasked) == "clear"
        return FieldVerdict(shown, listed, self._rule(shown, opening), closed, can_unmask)

    def _shown(self, asked: tuple[int, int]) -> Shown:
        clear, shown = map(self._asked.of, asked)
        return "clear" if clear else "masked" if shown else "hidden"

    def _rule(self, shown: Shown, opening: Sequence[Rule]) -> Rule | None:
        if shown == "hidden":
            return None
        kept = [rule for rule in opening if self._is_agreed(rule)]
        wanted = [rule for rule in kept if self._clears(rule) and (rule.relation or not self._is_secret)]
        return (wanted if shown == "clear" else kept)[0]

    def _closed(self, opening: Sequence[Rule]) -> Iterator[Closed]:
        if any(not self._is_agreed(rule) for rule in opening):
            yield "consent"
        if any(self._clears(rule) and not rule.relation for rule in opening) and self._is_secret:
            yield "relation" if self._field.level == "L4" else "child"

    def _clears(self, rule: Rule) -> bool:
        return not is_sensitive(self._field) or self._field.name in rule.clear

    def _is_agreed(self, rule: Rule) -> bool:
        return self._protection.consent_for(rule) is None or self._asked.of(self._consent) is True

    @property
    def _is_secret(self) -> bool:
        """L4, or L3 of somebody who is or may be a child."""
        return self._field.level == "L4" or self._asked.of(self._adult) is not True
