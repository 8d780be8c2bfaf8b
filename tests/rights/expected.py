"""What every caller must see of every field, worked out from the YAML files alone. Imports nothing of the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.rights.cel import Case, holds

Form = Literal["clear", "masked", "hidden"]
Row = Mapping[str, Any]
SYSTEM = {
    "id": "L1", "version": "L1", "division": "L2", "org": "L2", "created_at": "L2", "created_by": "L2",
    "updated_at": "L2", "updated_by": "L2",
}  # fmt: skip
ACCOUNTS = {"created_by", "updated_by"}
ALWAYS_OPEN = {"id", "version"}
CITIZENS = {"resident", "delegate", "legal_person", "merchant"}


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    level: str
    purpose: str
    spec: Mapping[str, Any]

    @property
    def is_sensitive(self) -> bool:
        return self.level in ("L3", "L4")


@dataclass(frozen=True)
class Entity:
    key: str
    plugin: str
    #: Ways to the persons a row is about.
    subjects: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Field]
    spec: Mapping[str, Any]

    def refs(self) -> Iterator[tuple[str, str]]:
        for f in self.fields.values():
            if f.type in ("ref", "file"):
                to = f.spec.get("to", "core.file")
                yield f.name, to if "." in to else f"{self.plugin}.{to}"


@dataclass(frozen=True)
class Rule:
    role: str
    entity: str
    can: frozenset[str]
    #: All must hold.
    where: tuple[str, ...]
    fields: frozenset[str]
    clear: frozenset[str]
    relation: str
    plugin: str
    real_name: int
    unmask: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Book:
    """Everything the manifests say."""

    entities: Mapping[str, Entity]
    rules: Sequence[Rule]
    roles: Mapping[str, str]
    #: "plugin.purpose" of those that rest on consent.
    consents: frozenset[str]
    refs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    inverses: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    roles: frozenset[str]
    me: Mapping[str, Any]


def read_book(folders: Sequence[Path]) -> Book:
    heads = {}
    for folder in folders:
        head = yaml.safe_load((folder / "plugin.yaml").read_text())
        heads[head["id"]] = (head, folder)
    entities = {e.key: e for head, folder in heads.values() for e in _entities(head["id"], folder)}
    rules = [rule for head, folder in heads.values() for rule in _rules(head, folder, entities)]
    roles = {role: id for id, (head, _) in heads.items() for role in head.get("roles", {})}
    consents = frozenset(
        f"{id}.{name}"
        for id, (head, _) in heads.items()
        for name, purpose in (head.get("purposes") or {}).items()
        if purpose["basis"] == "consent"
    )
    refs = {(e.key, name): target for e in entities.values() for name, target in e.refs()}
    inverses = {
        (refs[e.key, f.name], f.spec["inverse"]): (e.key, f.name)
        for e in entities.values()
        for f in e.fields.values()
        if "inverse" in f.spec
    }
    return Book(entities, list(_met_with_principal(rules)), roles, consents, refs, inverses)


def _entities(plugin: str, folder: Path) -> Iterator[Entity]:
    for path in sorted((folder / "entities").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())
        declared = {
            name: Field(name, s["type"], s.get("level", "L2"), s.get("purpose", ""), s)
            for name, s in spec["fields"].items()
        }
        system = {name: Field(name, "system", level, "", {}) for name, level in SYSTEM.items()}
        said = spec.get("subject", "none")
        ways = [said] if isinstance(said, str) else said
        subjects = tuple(("id",) if way == "self" else tuple(way.split(".")) for way in ways if way != "none")
        yield Entity(f"{plugin}.{spec['entity']}", plugin, subjects, {**system, **declared}, spec)


def _rules(head: Mapping[str, Any], folder: Path, entities: Mapping[str, Entity]) -> Iterator[Rule]:
    path = folder / "access.yaml"
    for spec in (yaml.safe_load(path.read_text()) or {}).get("rules", []) if path.exists() else []:
        if "read" not in spec["can"] and "aggregate" not in spec["can"]:
            continue
        key = spec["entity"] if "." in spec["entity"] else f"{head['id']}.{spec['entity']}"
        entity = entities[key]
        given = spec.get("fields", "*")
        names = set(entity.fields) - set(SYSTEM) if given == "*" else set(given)
        names |= set(SYSTEM) - (ACCOUNTS if spec["role"] == "anonymous" else set())
        names -= set(spec.get("except", []))
        level = spec.get("real_name", head.get("real_name", 0) if spec["role"] in CITIZENS else 0)
        where = [spec["where"]] if "where" in spec else []
        where += [_staff_scope(entity)] if "scope" in spec else []
        yield Rule(
            spec["role"], key, frozenset(spec["can"]), tuple(where), frozenset(names),
            _chosen(spec.get("clear", []), names, entity), spec.get("relation", ""), head["id"], level,
            _chosen(spec.get("unmask", []), names, entity),
        )  # fmt: skip


def _staff_scope(entity: Entity) -> str:
    """domain.md 2.0: the union of the unit with those below, the grids, and the cases one takes part in."""
    parts = [f"in_org({'id' if entity.key == 'core.org_unit' else 'org'})"]
    parts += [f"{f.name} in me.grids" for f in entity.fields.values() if f.type == "grid"]
    parts += [f"participates({entity.spec['case']})"] if "case" in entity.spec else []
    return " || ".join(parts)


def _chosen(given: Any, names: set[str], entity: Entity) -> frozenset[str]:
    if given == "*":
        return frozenset(name for name in names if entity.fields[name].is_sensitive)
    return frozenset(given) & names


def _met_with_principal(rules: Sequence[Rule]) -> Iterator[Rule]:
    """A delegate sees what both his rule and one of the resident's open."""
    for rule in rules:
        if rule.role != "delegate":
            yield rule
            continue
        for own in rules:
            if own.role == "resident" and own.entity == rule.entity and "read" in own.can:
                relation = "" if not rule.relation or not own.relation else rule.relation
                relation = own.relation if relation == "self" else relation
                yield Rule(
                    "delegate", rule.entity, rule.can, (*rule.where, *own.where), rule.fields & own.fields,
                    rule.clear & own.clear, relation, rule.plugin, max(rule.real_name, own.real_name),
                )  # fmt: skip


@dataclass(frozen=True)
class Oracle:
    """The expected table over the rows of a town."""

    book: Book
    #: Rows by entity key and id: field name → value as the API prints it, refs as ids.
    rows: Mapping[str, Mapping[str, Row]]
    now: datetime
    #: (person, "plugin.purpose") agreed to.
    granted: frozenset[tuple[str, str]] = frozenset()

    def rules(self, caller: Caller, entity: str) -> list[Rule]:
        """Rules of the caller's roles; none at all is an error of the root field."""
        found = [r for r in self.book.rules if r.entity == entity and r.role in caller.roles and "read" in r.can]
        return [rule for rule in found if rule.role in self.book.roles]

    def admitting(self, caller: Caller, entity: str, row: Row) -> list[Rule]:
        case = Case(row, caller.me, self.book.refs, self.rows, entity, self.now, self.book.inverses)
        return [rule for rule in self.rules(caller, entity) if self._admits(rule, caller, case)]

    def _admits(self, rule: Rule, caller: Caller, case: Case) -> bool:
        if rule.real_name and caller.me.get("real_name", 0) < rule.real_name:
            return False
        if rule.role == "delegate" and rule.plugin not in caller.me.get("scopes", ()):
            return False
        return all(holds(where, case) for where in rule.where)

    def forms(self, caller: Caller, entity: str, row: Row, *, listed: bool) -> dict[str, Form] | None:
        """How each field is shown; None when the row is not there for the caller."""
        rules = self.admitting(caller, entity, row)
        if not rules:
            return None
        fields = self.book.entities[entity].fields
        return {name: self._form(f, rules, entity, row, listed) for name, f in fields.items()}

    def _form(self, f: Field, rules: Sequence[Rule], entity: str, row: Row, listed: bool) -> Form:
        if f.name in ALWAYS_OPEN:
            return "clear"
        best: Form = "hidden"
        level = "L4" if f.level == "L3" and self._is_of_child(entity, row) else f.level
        for rule in rules:
            if f.name not in rule.fields or not self._consents(rule, f, entity, row):
                continue
            if level in ("L1", "L2") or (f.name in rule.clear and (level == "L3" or (rule.relation and not listed))):
                return "clear"
            if level == "L3" or rule.relation or not listed:
                best = "masked"
        return best

    def subjects(self, entity: str, row: Row) -> list[Row]:
        """Everybody this row is about."""
        found = [self._end(entity, row, way) for way in self.book.entities[entity].subjects]
        return [person for person in found if person is not None]

    def _end(self, entity: str, row: Row, way: tuple[str, ...]) -> Row | None:
        found: Row | None = row
        for name in () if way == ("id",) else way:
            target = self.book.refs[entity, name]
            found = self.rows[target].get(found.get(name) or "") if found else None
            entity = target
        return found

    def _is_of_child(self, entity: str, row: Row) -> bool:
        births = [person["birth_date"] for person in self.subjects(entity, row)]
        return any(birth is None or _years(birth, self.now) < 14 for birth in births)

    def _consents(self, rule: Rule, f: Field, entity: str, row: Row) -> bool:
        purpose = f"{self.book.entities[entity].plugin}.{f.purpose}"
        if purpose not in self.book.consents or (rule.relation == "self" and rule.role != "delegate"):
            return True
        people = [person["id"] for person in self.subjects(entity, row)]
        if not self.book.entities[entity].subjects:
            return True
        return bool(people) and all((person, purpose) in self.granted for person in people)


def _years(born: str, now: datetime) -> int:
    day, today = date.fromisoformat(born), (now + timedelta(hours=8)).date()
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))
