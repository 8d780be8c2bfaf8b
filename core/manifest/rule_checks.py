"""What a rule must hold beyond names that exist: who may be shown what, on what ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tongban_sdk.problems import Place

from core.expr import Expr
from core.expr.tree import Call, Me, nodes
from core.expr.types import ASKED
from core.fields import all_fields
from core.fields.masks import is_sensitive
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.model import CITIZEN_ROLES, DELEGATE, READS, Entity, Rule

_NO_STAFF = CITIZEN_ROLES | {"anonymous"}
#: Nobody is behind the first; the others keep the platform and see no resident (GB/T 22239-2019; wording unverified).
_IMPERSONAL = frozenset({"anonymous", "system_admin", "security_admin", "audit_admin"})
#: Relations between two persons, and the facts about the caller that can bear them.
_BETWEEN_PERSONS = frozenset({"self", "guardian"})
_WHO = frozenset({"person", "legal_entity"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of access.yaml, where problems with it are told."""

    path: tuple[str, int]
    spec: dict[str, Any]
    entity: Entity
    document: Document
    draft: Draft

    def place(self, *steps: str | int) -> Place:
        return self.document.place(*self.path, *steps)

    def error(self, id: str, place: Place, message: str, hint: str) -> None:
        self.draft.error(id, place, message, hint)


def check_rule(rule: Rule, line: Line) -> None:
    _check_relation(rule, line)
    _check_unmask(rule, line)
    _check_role(rule, line)


def _check_relation(rule: Rule, line: Line) -> None:
    fields = all_fields(line.entity)
    secret = sorted(name for name in rule.fields if fields[name].level == "L4") if rule.can & READS else []
    if secret and not rule.relation:
        message = f"规则开放了敏感个人信息（L4）{'、'.join(secret)}，没有写明与当事人的关系"
        line.error("access.relation-missing", line.place(), message, "写上 relation，或用 except 去掉这些字段")
    # Code of a plugin acts for whom it was told to, and has no post of its own to be bound by.
    is_bound = rule.role.endswith("_service") or _is_about_caller(rule.where)
    if rule.relation in _BETWEEN_PERSONS and is_bound and rule.role != DELEGATE and not _names_person(rule):
        message = f"relation: {rule.relation} 是人与人的关系，where 没有提到 me.person"
        line.error("access.relation-nobody", line.place("relation"), message, "写上 where，或写实际的关系，如 duty")
    if rule.relation and not is_bound:
        message = f"relation: {rule.relation} 没有条件支撑：where 没有提到 me，谁都有这层关系"
        line.error("access.relation-unbounded", line.place("relation"), message, "写上 where 或 scope")


def _is_about_caller(where: Expr | None) -> bool:
    found = nodes(where) if where is not None else ()
    return any(isinstance(node, Me) or (isinstance(node, Call) and ASKED.get(node.function)) for node in found)


def _names_person(rule: Rule) -> bool:
    return any(isinstance(node, Me) and node.name in _WHO for node in nodes(rule.where)) if rule.where else False


def _check_unmask(rule: Rule, line: Line) -> None:
    fields = all_fields(line.entity)
    for name in sorted(rule.unmask):
        if not is_sensitive(fields[name]):
            place = line.place("unmask", line.spec["unmask"].index(name))
            message = f"{name} 是 {fields[name].level}，本来就不脱敏"
            line.error("access.unmask-open", place, message, "从 unmask 删去；只有 L3、L4 字段需要")


def _check_role(rule: Rule, line: Line) -> None:
    if "scope" in line.spec and rule.role in _NO_STAFF:
        message = f"scope: staff 是工作人员的范围，{rule.role} 不是"
        line.error("access.scope-role", line.place("scope"), message, "删去 scope，用 where 写明哪些行")
    fields = all_fields(line.entity)
    personal = sorted(name for name in rule.fields if is_sensitive(fields[name])) if rule.can & READS else []
    if personal and rule.role in _IMPERSONAL:
        message = f"{rule.role} 看不到个人信息（L3、L4）：{'、'.join(personal)}"
        line.error("access.impersonal-role", line.place("role"), message, "用 fields 或 except 只开放 L1、L2 的字段")
    if "real_name" in line.spec and rule.role not in CITIZEN_ROLES:
        message = f"实名等级只对群众有意义，{rule.role} 不是群众的角色"
        line.error("access.real-name-role", line.place("real_name"), message, "删去 real_name")
