"""access.yaml: who may do what with which rows and fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from core.expr import Expr
from core.expr.tree import Binary, Call, Literal, Logic, Me, Path, both
from core.fields import SYSTEM_FIELDS, all_fields
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_expression
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import CITIZEN_ROLES, DELEGATE, READS, Entity, Rule
from core.manifest.rule_checks import Line, check_rule
from core.manifest.sealed_checks import check_comparisons
from core.manifest.sections import Section

_CLEARED_LEVELS = ("L3", "L4")
#: Who wrote a public row is nobody's business; a rule may still name them.
_ACCOUNTS = {"created_by", "updated_by"}


def build(documents: Sequence[Document], draft: Draft) -> tuple[Rule, ...]:
    rules = []
    for document in documents:
        for position, spec in document.entries("rules"):
            rules += _rules(position, spec, document, draft)
    return tuple(rules)


def _rules(position: int, spec: dict[str, Any], document: Document, draft: Draft) -> list[Rule]:
    """One rule a line; two when it reads and writes, because reading opens system fields and writing must not."""
    rule = _rule(position, spec, document, draft)
    reads = READS & set(spec["can"])
    writes = set(spec["can"]) - reads
    if rule is None or not writes or not reads or spec.get("fields", "*") == "*":
        return [rule] if rule else []
    write = replace(rule, can=rule.can & writes, fields=rule.fields & set(spec["fields"]), id=f"{rule.id}.write")
    return [replace(rule, can=rule.can & reads), write]


def _rule(position: int, spec: dict[str, Any], document: Document, draft: Draft) -> Rule | None:
    path = ("rules", position)
    if spec["role"] not in draft.roles and "plugin.yaml" not in draft.broken:
        hint = did_you_mean(spec["role"], draft.roles)
        draft.error("access.role-unknown", document.place(*path, "role"), f"没有角色 {shown(spec['role'])}", hint)
    if spec["role"].endswith("_service") and spec["role"] in set(draft.roles) - set(draft.plugin.roles):
        message = f"{spec['role']} 是另一个应用的代码，不能由本应用给它权限"
        hint = f"写成 {draft.plugin.id}_service，或请那个应用写这条规则"
        draft.error("access.foreign-service", document.place(*path, "role"), message, hint)
    entity = draft.entity(spec["entity"], document.place(*path, "entity"))
    if entity is None:
        return None
    is_foreign = entity.plugin_id != draft.plugin.id and spec["role"] not in draft.plugin.roles
    if is_foreign and spec["role"] in draft.roles and "plugin.yaml" not in draft.broken:
        message = f"{entity.key} 属于另一个应用，{spec['role']} 不是本应用的角色"
        hint = "改用本应用声明的角色，由安全管理员授予"
        draft.error("access.foreign-role", document.place(*path, "role"), message, hint)
    fields = _fields(path, spec, entity, document, draft)
    real_name = _real_name(spec, draft)
    problems = len(draft.problems)
    where = _where(path, spec, entity, document, draft)
    is_readable = len(draft.problems) == problems and (where is not None or "where" not in spec)
    scope = staff_scope(entity) if "scope" in spec else None
    rule = Rule(
        plugin_id=draft.plugin.id,
        role=spec["role"],
        entity=entity.key,
        can=frozenset(spec["can"]),
        where=both(where, scope, *_caller_conditions(spec["role"], real_name, entity, draft)),
        fields=fields,
        clear=_shown("clear", path, spec, entity, fields, document, draft),
        place=document.place(*path),
        id=f"{draft.plugin.id}/{document.name}#{position + 1}",
        relation=spec.get("relation", ""),
        unmask=_shown("unmask", path, spec, entity, fields, document, draft),
        real_name=real_name,
    )
    if is_readable:
        check_rule(rule, Line(path, spec, entity, document, draft))
    return rule


def staff_scope(entity: Entity) -> Expr:
    """What a member of staff works with: rows of his unit and those below, of his grids, of cases he takes part in."""
    parts: list[Expr] = [Call("in_org", (Path(("id" if entity.key == "core.org_unit" else "org",)),))]
    parts += [Binary("in", Path((f.name,)), Me("grids")) for f in entity.fields.values() if f.type == "grid"]
    parts += [Call("participates", (Path((entity.case,)),))] if entity.case else []
    return parts[0] if len(parts) == 1 else Logic("||", tuple(parts))


def _real_name(spec: dict[str, Any], draft: Draft) -> int:
    """Staff are known by their posts: a plugin's level is asked of citizens only."""
    level: int = spec.get("real_name", draft.plugin.real_name if spec["role"] in CITIZEN_ROLES else 0)
    return level


def _caller_conditions(role: str, real_name: int, entity: Entity, draft: Draft) -> Iterator[Expr]:
    """What must be true of the caller himself, whatever the row."""
    if real_name:
        yield Binary(">=", Me("real_name"), Literal(real_name))
    if role == DELEGATE:
        # A delegation is for a plugin, or for single items of it: entities.
        yield Logic("||", tuple(Binary("in", Literal(scope), Me("scopes")) for scope in (draft.plugin.id, entity.key)))


def _fields(
    path: tuple[str, int], spec: dict[str, Any], entity: Entity, document: Document, draft: Draft
) -> frozenset[str]:
    known = all_fields(entity)
    given = spec.get("fields", "*")
    names = set(entity.fields) if given == "*" else _known(given, (*path, "fields"), entity, document, draft)
    if "read" in spec["can"]:
        # Without id and version no row can be named, without the rest no list ordered.
        names |= set(SYSTEM_FIELDS) - (_ACCOUNTS if spec["role"] == "anonymous" else set())
    elif given == "*" and "aggregate" not in spec["can"]:
        names |= set(known)
    return frozenset(names - _known(spec.get("except", []), (*path, "except"), entity, document, draft))


def _shown(
    key: str,
    path: tuple[str, int],
    spec: dict[str, Any],
    entity: Entity,
    fields: frozenset[str],
    document: Document,
    draft: Draft,
) -> frozenset[str]:
    """Fields of `clear` or `unmask`."""
    given = spec.get(key, [])
    if given == "*":
        return frozenset(n for n, f in all_fields(entity).items() if n in fields and f.level in _CLEARED_LEVELS)
    names = _known(given, (*path, key), entity, document, draft)
    for name in sorted(names - fields):
        place = document.place(*path, key, given.index(name))
        draft.error("access.clear-closed", place, f"{name} 不在本规则开放的字段里", f"加进 fields，或从 {key} 删去")
    return frozenset(names & fields)


def _known(
    names: Sequence[str], path: tuple[str | int, ...], entity: Entity, document: Document, draft: Draft
) -> set[str]:
    known = all_fields(entity)
    for i, name in enumerate(names):
        if name not in known and not draft.is_broken_field(entity, name):
            message = f"实体 {entity.key} 没有字段 {shown(name)}"
            draft.error("access.field-unknown", document.place(*path, i), message, did_you_mean(name, known))
    return set(names) & set(known)


def _where(
    path: tuple[str, int], spec: dict[str, Any], entity: Entity, document: Document, draft: Draft
) -> Expr | None:
    if "where" not in spec:
        return None
    place = document.place(*path, "where")
    found = read_expression(spec["where"], entity, place, draft)
    if found is None:
        return None
    expr, result = found
    check_comparisons(expr, entity, place, draft)
    if result.kind != "bool":
        draft.error(
            "access.where-type", place, f"where 应得到是否，这里得到{result}", "写成比较，如 owner == me.person"
        )
    return expr


SECTION = Section("access", ("access.yaml",), "access.schema.json", build, units=("rules",), after=("entities",))
