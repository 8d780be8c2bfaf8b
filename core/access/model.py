"""The rules of one generation, ready to be asked. Nothing is allowed that no rule allows."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tongban_sdk.actor import Actor

from core.access.delegates import without_excess
from core.access.me import me_of
from core.access.protection import Protection, protection_of
from core.access.rows import rows_sql
from core.access.scope import EntityScope
from core.access.view import FieldView, view_of
from core.expr import Undecided, evaluate
from core.fields.base import Field
from core.manifest.model import Action, Entity, Rule, World


class AccessModel:
    """One per generation; holds no caller's data."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._protections: dict[tuple[str, str], Protection] = {}
        roles = world.roles
        #: Rules for roles nobody declares any more: they open nothing.
        self.orphans = tuple(rule for rule in world.rules if rule.role not in roles)
        found: dict[tuple[str, Action], list[Rule]] = {}
        for rule in world.rules:
            if rule.role in roles:
                for action in rule.can:
                    found.setdefault((rule.entity, action), []).append(rule)
        self._rules = {key: tuple(without_excess(rules)) for key, rules in found.items()}
        self._roles = frozenset(rule.role for rule in world.rules)
        #: What core.write.rights has worked out, by what was asked.
        self.groups: dict[Hashable, tuple[tuple[Rule, ...], ...]] = {}

    def rules(self, roles: frozenset[str], entity: str, action: Action) -> tuple[Rule, ...]:
        """Rules of the roles for an action, in the order of the manifests."""
        return tuple(rule for rule in self._rules.get((entity, action), ()) if rule.role in roles)

    def key(self, roles: frozenset[str]) -> Hashable:
        """Equal keys mean equal rules, so one plan serves all their callers."""
        return roles & self._roles

    def row_predicate(self, rules: Sequence[Rule], scope: EntityScope) -> str | None:
        """Which rows the rules admit; None = none at all, "TRUE" = all."""
        if not rules:
            return None
        conditions = dict.fromkeys(rule.where for rule in rules)
        if None in conditions:
            return "TRUE"
        sqls = [rows_sql(condition, scope) for condition in conditions if condition is not None]
        return sqls[0] if len(sqls) == 1 else f"({' OR '.join(sqls)})"

    def field_view(self, rules: Sequence[Rule], field: Field, entity: Entity, *, listed: bool = False) -> FieldView:
        """What the rules show of a field. `listed`: among other rows, where L4 is never shown in clear."""
        return view_of(field, rules, self.protection(entity, field), listed=listed)

    def may_unmask(self, rules: Sequence[Rule], field: Field, entity: Entity) -> FieldView:
        """What they show of it in one row to somebody who has stated a purpose and a case."""
        return view_of(field, rules, self.protection(entity, field), unmasks=True)

    def protection(self, entity: Entity, field: Field) -> Protection:
        """What the law asks of a field beyond its rules."""
        key = (entity.key, field.name)
        found = self._protections.get(key)
        if found is None:
            found = self._protections[key] = protection_of(self._world, entity, field)
        return found

    def allows(
        self,
        actor: Actor,
        entity: Entity,
        action: Action,
        row: Mapping[str, Any],
        fields: Collection[str] = (),
        *,
        now: datetime | None = None,
    ) -> Rule | None:
        """The first rule that admits the row when the admitting rules together open all fields; else None.

        `row` holds canonical values by field name. Undecided when the answer hangs on a value the row does not hold.
        """
        me, instant = me_of(actor), now or datetime.now(UTC)
        admitting: list[Rule] = []
        opened: set[str] = set()
        undecided: Undecided | None = None
        for rule in self.rules(actor.roles, entity.key, action):
            try:
                if rule.where is not None and evaluate(rule.where, row, me, instant) is not True:
                    continue
            except Undecided as error:
                undecided = error
                continue
            admitting.append(rule)
            opened |= rule.fields
        if admitting and opened.issuperset(fields):
            return admitting[0]
        if undecided is not None:
            raise undecided
        return None
