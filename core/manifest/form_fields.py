"""Which fields a form takes, and which it leaves to the host."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from core.fields import all_fields
from core.fields.refs import File, Ref
from core.manifest.cases import Form
from core.manifest.model import CITIZEN_ROLES, Entity, Rule

PERSON = "core.person"
#: System fields a form may ask for.
ASKED_SYSTEM = frozenset({"division"})


def applicant_field(entity: Entity) -> str:
    """The ref that says whom a row is about: the host writes who applies, nobody fills it in. "" = there is none.

    Of several persons the first is who applies."""
    path = next(iter(entity.subject_paths), ())
    head = entity.fields.get(path[0]) if len(path) == 1 else None
    return head.name if isinstance(head, Ref) and head.to == PERSON else ""


def writable_fields(entity: Entity) -> list[str]:
    """What a form may ask for, in the order of the entity."""
    return [n for n, f in all_fields(entity).items() if f.is_writable and (n in entity.fields or n in ASKED_SYSTEM)]


def opened_fields(entity: Entity, rules: Iterable[Rule], roles: Collection[str] | None = None) -> set[str]:
    """Fields that somebody (of these roles) may fill in when he creates a row. Code of plugins is nobody."""
    return {
        name
        for rule in rules
        if rule.entity == entity.key and "create" in rule.can
        if (not rule.role.endswith("_service") if roles is None else rule.role in roles)
        for name in rule.fields
    }


def default_form(entity: Entity, rules: Iterable[Rule]) -> Form:
    """The form of an item that names none: what citizens may fill in, files last."""
    opened = opened_fields(entity, rules, CITIZEN_ROLES) - {applicant_field(entity)} - ASKED_SYSTEM
    names = [name for name in writable_fields(entity) if name in opened]
    files = [name for name in names if isinstance(entity.fields[name], File)]
    plain = tuple(name for name in names if name not in files)
    groups = ((entity.title, plain), ("材料", tuple(files)))
    return Form(entity.plugin_id, "", entity.title, entity.key, entity.place, tuple(g for g in groups if g[1]))


def missing_fields(entity: Entity, names: Collection[str]) -> list[str]:
    """Fields without which no row can be written, that neither the form nor the host fills."""
    given = {*names, applicant_field(entity)}
    return [
        f.name
        for f in entity.fields.values()
        if f.required and f.is_writable and f.default is None and f.name not in given
    ]
