"""Which rules let an actor write these fields of this row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotAuthenticatedError, PermissionDeniedError

from core.access import AccessModel
from core.expr import Undecided, evaluate
from core.manifest.model import Action, Entity
from core.write.statements import Groups

#: Kinds of requests one generation remembers the rules of.
GROUPS_MAX = 4096


def rule_groups(access: AccessModel, actor: Actor, entity: Entity, action: Action, fields: Collection[str]) -> Groups:
    """Every field needs a rule that opens it and admits the row; fields opened by the same rules make one group."""
    key = (entity.key, action, actor.roles, frozenset(fields))
    found = access.groups.get(key)
    if found is None:
        if len(access.groups) >= GROUPS_MAX:
            access.groups.clear()
        found = access.groups[key] = _rule_groups(access, actor, entity, action, fields)
    return found


def _rule_groups(access: AccessModel, actor: Actor, entity: Entity, action: Action, fields: Collection[str]) -> Groups:
    rules = access.rules(actor.roles, entity.key, action)
    if not rules:
        raise denied(actor, entity)
    # By their ids: a rule's own hash walks all that is in it.
    groups = {
        tuple([rule.id for rule in opening]): opening
        for name in sorted(fields)
        for opening in (tuple([rule for rule in rules if name in rule.fields]),)
    }
    if () in groups:
        closed = [name for name in sorted(fields) if not any(name in rule.fields for rule in rules)]
        raise PermissionDeniedError(f"没有权限填写：{'、'.join(_title(entity, name) for name in closed)}")
    return tuple(groups.values()) or (rules,)


def decide(groups: Groups, row: Mapping[str, Any], me: Mapping[str, Any], now: datetime) -> tuple[bool | None, str]:
    """Whether the rules admit the row, None when only the database can say; and the rules that do, or may."""
    answers, said = [], []
    for group in groups:
        answer: bool | None = False
        admits = ""
        for rule in group:
            try:
                if rule.where is None or evaluate(rule.where, row, me, now) is True:
                    answer, admits = True, rule.id
                    break
            except Undecided:
                answer = None
        answers.append(answer)
        said.append(admits or "|".join([rule.id for rule in group]))
    whole = False if False in answers else (None if None in answers else True)
    return whole, said[0] if len(said) == 1 else " ".join(dict.fromkeys(said))


def denied(actor: Actor, entity: Entity) -> PermissionDeniedError | NotAuthenticatedError:
    if actor.kind == "anonymous":
        return NotAuthenticatedError("请先登录")
    return PermissionDeniedError(f"没有权限对“{entity.title}”进行此操作")


def _title(entity: Entity, name: str) -> str:
    return entity.fields[name].title if name in entity.fields else name
