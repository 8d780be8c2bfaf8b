"""Why somebody sees a row: which rules hold for it, and what they show of each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tongban_sdk.actor import Actor

from core.access.me import me_of
from core.access.model import AccessModel
from core.access.scope import EntityScope
from core.access.view import ALWAYS_OPEN
from core.expr import to_sql
from core.fields import all_fields
from core.fields.column import Column
from core.fields.masks import is_sensitive
from core.manifest.model import Entity, Rule, World
from core.store.database import Database
from core.store.dialect import quote
from core.store.sql import Const, Env, Params

Shown = Literal["clear", "masked", "hidden"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule admits the row; None = its condition lacks a fact."""

    rule: Rule
    holds: bool | None


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    shown: Shown
    #: The first rule that shows it so; None when hidden, or open to whoever sees the row.
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Explanation:
    #: False for a row that does not exist or is deleted.
    exists: bool
    #: Rules of the actor's roles, in the order of the manifests.
    verdicts: tuple[Verdict, ...]
    #: Roles that other rules of this entity name.
    other_roles: tuple[str, ...]
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
    params = Params(database.dialect)
    scope = EntityScope(world, entity, "r", params)
    conditions = ["TRUE" if rule.where is None else to_sql(rule.where, scope) for rule in rules]
    columns = ", ".join(["r.deleted_at IS NULL", *conditions])
    mark = params.add(Const(id), Column("id", "uuid"))
    sql = f"SELECT {columns} FROM {quote(entity.table)} r WHERE r.id = {mark}"
    rows = await database.fetch(sql, params.bind(Env(me_of(actor), {}, now)))
    alive, *held = rows[0] if rows else (False, *[None] * len(rules))
    verdicts = tuple(
        Verdict(rule, None if value is None else bool(value)) for rule, value in zip(rules, held, strict=True)
    )
    admitting = [v.rule for v in verdicts if v.holds] if alive else []
    others = {r.role for r in world.rules if r.entity == entity.key and "read" in r.can} - actor.roles
    fields = {name: _field(name, is_sensitive(field), admitting) for name, field in all_fields(entity).items()}
    return Explanation(bool(alive), verdicts, tuple(sorted(others)), fields)


def _field(name: str, sensitive: bool, admitting: list[Rule]) -> FieldVerdict:
    opening = [rule for rule in admitting if name in rule.fields or name in ALWAYS_OPEN]
    clearing = [rule for rule in opening if not sensitive or name in rule.clear]
    if clearing:
        return FieldVerdict("clear", clearing[0])
    return FieldVerdict("masked", opening[0]) if opening else FieldVerdict("hidden", None)
