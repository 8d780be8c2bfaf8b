"""A small hand-made world for tests: two plugins, refs with inverses, levels, masks, rules, several roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.problems import Place

from core.expr import parse
from core.fields import Field, all_fields, make_field
from core.manifest.model import Action, Entity, Plugin, Purpose, Relation, Role, Rule, World

HERE = Place("tests/worlds.py")


def fields(plugin_id: str, specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Field]:
    """Fields from manifest-like specs; a missing title is the name."""
    return {name: make_field(name, {"title": name, **spec}, plugin_id=plugin_id) for name, spec in specs.items()}


def entity(plugin_id: str, name: str, specs: Mapping[str, Mapping[str, Any]], **more: Any) -> Entity:
    defaults: dict[str, Any] = {"title": name, "description": "", "indexes": (), "unique": (), "history": True}
    values = {**defaults, "display": "", "place": HERE, **more}
    return Entity(plugin_id=plugin_id, name=name, fields=fields(plugin_id, specs), **values)


def rule(
    role: str,
    target: Entity,
    can: str = "read",
    where: str | None = None,
    *,
    only: Iterable[str] | None = None,
    without: Iterable[str] = (),
    clear: Iterable[str] | str = (),
    number: int = 0,
    relation: Relation = "",
    unmask: Iterable[str] = (),
) -> Rule:
    """A rule; `can` is words ("read update"), `only` the opened fields (default all), `clear` names or "*"."""
    actions: dict[str, Action] = {action: action for action in get_args(Action)}
    names = frozenset(all_fields(target) if only is None else only) - frozenset(without)
    return Rule(
        plugin_id=target.plugin_id,
        role=role,
        entity=target.key,
        can=frozenset(actions[word] for word in can.split()),
        where=parse(where) if where else None,
        fields=names,
        clear=names if clear == "*" else frozenset(clear),
        place=HERE,
        id=f"{target.plugin_id}/access.yaml#{number}",
        relation=relation,
        unmask=frozenset(unmask),
    )


def plugin(
    plugin_id: str, entities: Iterable[Entity], rules: Iterable[Rule], roles: Iterable[str] | None = None
) -> Plugin:
    """`roles`: those it declares; by default all that its rules name."""
    rules = tuple(rules)
    names = {rule.role for rule in rules} if roles is None else roles
    parts = {"entities": {e.name: e for e in entities}, "access": tuple(rules)}
    return Plugin(
        id=plugin_id,
        title=plugin_id,
        description="",
        version="0.1.0",
        version_code=100,
        department={"uscc": "11150621MB1688871X", "name": "县大数据局"},
        case_prefix=plugin_id[:2].upper(),
        data_level_max="L4",
        requires=() if plugin_id == "core" else ("core",),
        after=(),
        conflicts=(),
        entry="",
        purposes={"service": Purpose("service", "办理服务", "legal_duty", "P3Y", "为您办理所申请的事项")},
        roles={role: Role(role, role, plugin_id, HERE) for role in names},
        place=HERE,
        hash=f"hash-of-{plugin_id}",
        parts=parts,
    )


ORG_UNIT = entity(
    "core",
    "org_unit",
    {"name": {"type": "string", "required": True, "level": "L1"}, "path": {"type": "string", "index": True}},
    display="name",
)
PERSON = entity(
    "core",
    "person",
    {
        "name": {"type": "string", "max": 50, "required": True, "level": "L3", "mask": "name"},
        "phone": {"type": "phone", "level": "L3"},
        "idno": {"type": "idno", "level": "L4", "unique": True, "purpose": "service"},
        "birth": {"type": "date", "level": "L3"},
        "grid": {"type": "grid"},
    },
    display="name",
)
COMPOUND = entity(
    "community",
    "compound",
    {
        "name": {"type": "string", "required": True, "level": "L1"},
        "property_org": {"type": "ref", "to": "core.org_unit"},
        "area": {"type": "polygon"},
    },
    display="name",
)
HOUSE = entity(
    "community",
    "house",
    {
        "compound": {"type": "ref", "to": "compound", "required": True, "inverse": "houses"},
        "room_no": {"type": "string", "max": 20, "required": True},
        "address": {"type": "string", "level": "L3", "mask": "address"},
        "size_m2": {"type": "decimal", "precision": 8, "scale": 2, "min": "0"},
        "owner": {"type": "ref", "to": "core.person", "level": "L3"},
        "label": {"type": "computed", "as": "string", "expr": "compound.name + ' ' + room_no"},
    },
    unique=(("compound", "room_no"),),
    display="room_no",
)
REPAIR_ORDER = entity(
    "community",
    "repair_order",
    {
        "case_no": {"type": "sequence", "format": "CM{division:6}{date:%Y%m%d}{seq:7}", "unique": True},
        "house": {"type": "ref", "to": "house", "required": True, "inverse": "repair_orders"},
        "category": {"type": "enum", "values": {"water": "水", "power": "电", "lift": "电梯"}, "required": True},
        "state": {"type": "enum", "values": {"open": "待处理", "done": "已办结"}, "default": "open", "index": True},
        "urgent": {"type": "boolean", "default": False},
        "details": {"type": "text", "max": 500},
        "reporter": {"type": "ref", "to": "core.person", "level": "L2"},
        "phone": {"type": "phone", "level": "L3"},
        "cost": {"type": "money", "min": "0"},
        "stars": {"type": "integer", "min": 1, "max": 5},
        "due_on": {"type": "date"},
        "visit_at": {"type": "datetime"},
        "visit_from": {"type": "time"},
        "at": {"type": "point", "level": "L3"},
        "tags": {"type": "list", "of": "string"},
        "materials": {"type": "json"},
        "overdue": {"type": "computed", "as": "boolean", "expr": "state == 'open' && due_on < today()"},
        "is_serious": {"type": "computed", "as": "boolean", "stored": True, "expr": "urgent || category == 'lift'"},
    },
    indexes=(("state", "-created_at"),),
    display="case_no",
    division_from="house",
)

#: Roles of the world, from least to most.
ROLES = ("anonymous", "resident", "property_staff", "community_worker", "street_admin", "system_admin")


def small_world() -> World:
    """core + community with rules for every role; anonymous reads compounds only."""
    core_rules = (
        rule("resident", PERSON, "read", "id == me.person", clear="*", number=0, relation="self"),
        rule("community_worker", PERSON, "read", "grid in me.grids", clear=("name", "phone"), number=1),
        rule("street_admin", PERSON, "read", "under(division, me.division)", number=2),
        rule("resident", ORG_UNIT, number=3),
        rule("property_staff", ORG_UNIT, number=4),
        rule("street_admin", ORG_UNIT, "read create update", number=5),
    )
    community_rules = (
        rule("anonymous", COMPOUND, only=("id", "version", "division", "name"), number=0),
        rule("property_staff", COMPOUND, "read", "property_org == me.org", number=1),
        rule("street_admin", COMPOUND, "read create update delete", "under(division, me.division)", number=2),
        rule("resident", HOUSE, "read", "owner == me.person", clear="*", number=3),
        rule("property_staff", HOUSE, "read", "compound.property_org == me.org", without=("owner",), number=4),
        rule("street_admin", HOUSE, "read create update delete", "under(division, me.division)", number=5),
        rule("resident", REPAIR_ORDER, "read create", "reporter == me.person", clear="*", number=6),
        rule(
            "property_staff",
            REPAIR_ORDER,
            "read update",
            "house.compound.property_org == me.org && state != 'done'",
            clear=("phone",),
            number=7,
        ),
        rule("property_staff", REPAIR_ORDER, "read", "house.compound.property_org == me.org", number=8),
        rule("community_worker", REPAIR_ORDER, "read", "urgent", without=("cost",), number=9),
        rule("street_admin", REPAIR_ORDER, "read create update delete", "under(division, me.division)", number=10),
        rule("system_admin", REPAIR_ORDER, "read", without=("reporter", "details"), number=11),
    )
    core = plugin("core", (ORG_UNIT, PERSON), core_rules, ROLES)
    community = plugin("community", (COMPOUND, HOUSE, REPAIR_ORDER), community_rules, ())
    return World({"core": core, "community": community})


PERSON_ID = "01930000-0000-7000-8000-000000000001"
ORG_ID = "01930000-0000-7000-8000-0000000000a1"
COUNTY = "640522000000"
TOWN = "640522100000"
VILLAGE = "640522100203"

RESIDENT = Actor("u-resident", "citizen", PERSON_ID, frozenset({"anonymous", "resident"}))
PROPERTY_STAFF = Actor("u-property", "staff", None, frozenset({"anonymous", "property_staff"}), ORG_ID, "/640522/wy/")
WORKER = Actor(
    "u-worker", "staff", None, frozenset({"anonymous", "community_worker"}), division=VILLAGE, grids=(VILLAGE + "001",)
)
STREET_ADMIN = Actor("u-street", "staff", None, frozenset({"anonymous", "street_admin"}), division=TOWN)
ADMIN = Actor("u-admin", "admin", None, frozenset({"anonymous", "system_admin"}), division=COUNTY)
ACTORS = (ANONYMOUS, RESIDENT, PROPERTY_STAFF, WORKER, STREET_ADMIN, ADMIN)
