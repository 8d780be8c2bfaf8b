"""entities/<name>.yaml: kinds of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tongban_sdk.problems import Place, Problem

from core.fields import Field, FieldError, make_field
from core.fields.choices import Code
from core.fields.structured import List
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.entity_checks import check_entity
from core.manifest.field_checks import check_declaration
from core.manifest.findings import did_you_mean, error, shown
from core.manifest.model import Entity, Period, World
from core.manifest.reserved import HOST_TYPES
from core.manifest.sealed_checks import check_sealing
from core.manifest.sections import Section

#: Postgres cuts names after 63 bytes; indexes add to the table's name.
TABLE_MAX_CHARS = 48
#: Suffixes of the types and root fields the host makes beside the entity's own.
_TYPE_SUFFIXES = ("", "Connection", "Edge", "Stats", "Where", "OrderBy", "GroupBy", "Input", "Patch")


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Entity]:
    entities: dict[str, Entity] = {}
    # Entities of one plugin may point at each other: all are made before any is checked.
    draft.plugin.parts["entities"] = entities  # type: ignore[index]  # a draft's parts still grow
    made = []
    for document in documents:
        entity = _entity(document, draft)
        if entity is None:
            draft.break_(document)
        else:
            entities[entity.name] = entity
            made.append((document, entity))
    for document, entity in made:
        check_entity(entity, document, draft)
        check_sealing(entity, document, draft)
    return entities


def _entity(document: Document, draft: Draft) -> Entity | None:
    value = document.value
    name = value["entity"]
    if name != document.stem:
        message = f"实体 {name} 与文件名 {document.stem} 不同"
        draft.error("entity.name-file", document.place("entity"), message, "改成相同的名字")
        return None
    fields = {key: _field(key, spec, document, draft) for key, spec in document.entries("fields")}
    # The others are still checked, and nobody is told that these are missing.
    draft.broken_fields[name] = {key for key in value["fields"] if key not in fields}
    entity = Entity(
        plugin_id=draft.plugin.id,
        name=name,
        title=value["title"],
        description=value.get("description", ""),
        fields=fields,
        indexes=tuple(tuple(names) for _, names in document.entries("indexes")),
        unique=tuple(tuple(names) for _, names in document.entries("unique")),
        history=value.get("history", True),
        display=value.get("display", ""),
        place=document.place(),
        renamed_from=value.get("renamed_from"),
        plural=value.get("plural", ""),
        division_from=value.get("division_from", ""),
        subjects=_subjects(value.get("subject", ())),
        group_min=value.get("group_min", 0),
        case=value.get("case", ""),
        no_overlap=tuple(
            Period(tuple(spec["per"]), spec["since"], spec["until"]) for _, spec in document.entries("no_overlap")
        ),
    )
    if len(entity.table) > TABLE_MAX_CHARS:
        message = f"表名 {entity.table} 超过 {TABLE_MAX_CHARS} 个字符"
        draft.error("entity.name-too-long", document.place("entity"), message, "缩短实体名")
    return entity


def _subjects(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _field(name: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> Field:
    """The field, whatever is wrong with it: what names it is checked all the same."""
    is_sound = check_declaration(name, spec, document, draft)
    # Options first, then the default: a default of a code field needs its codes.
    field = make_field(name, {k: v for k, v in spec.items() if k != "default"}, plugin_id=draft.plugin.id)
    field = _with_codes(field, document, draft)
    default = spec.get("default")
    if default is None or not is_sound:
        return field
    try:
        return replace(field, default=field.parse(default))
    except FieldError as err:
        place = document.place("fields", name, "default")
        draft.error("entity.default-invalid", place, f"{name} 的默认值无效：{err.message}", "改正或删去 default")
        return field


def _with_codes(field: Field, document: Document, draft: Draft) -> Field:
    if not isinstance(field, Code | List) or not field.code_set:
        return field
    if f"codes/{field.code_set}.yaml" in draft.broken:
        return field
    if (code_set := draft.codes.get(field.code_set)) is None:
        place = document.place("fields", field.name, "set")
        hint = did_you_mean(field.code_set, draft.codes)
        draft.error("entity.codes-unknown", place, f"没有代码集 {shown(field.code_set)}", hint)
        return field
    return replace(field, codes={code: item.parent for code, item in code_set.items.items()})


def check(world: World) -> Iterator[Problem]:
    """Tables, GraphQL types and root fields are unique over all plugins."""
    kinds: tuple[tuple[str, Callable[[Entity], list[str]]], ...] = (
        ("表", lambda e: [e.table]),
        ("GraphQL 类型", _type_names),
        ("GraphQL 查询", lambda e: [e.query_name, e.list_name, f"{e.query_name}Stats"]),
    )
    for title, names_of in kinds:
        owners: dict[str, Entity] = {}
        for entity in world.entities.values():
            for name in names_of(entity):
                if name in HOST_TYPES:
                    yield _taken(f"{title}名 {name}", "宿主", entity.place)
                    break
                owner = owners.setdefault(name, entity)
                if owner is not entity or names_of(entity).count(name) > 1:
                    yield _taken(f"{title}名 {name}", f"实体 {owner.key} ", entity.place)
                    break


def _type_names(entity: Entity) -> list[str]:
    enums = [entity.type_name + _pascal(f.name) for f in entity.fields.values() if getattr(f, "values", None)]
    return [*(entity.type_name + suffix for suffix in _TYPE_SUFFIXES), *enums]


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _taken(what: str, owner: str, place: Place) -> Problem:
    message = f"{what} 已被{owner}占用"
    return error("entity.graphql-duplicate", place, message, "改实体名、字段名或 plural")


SECTION = Section(
    "entities",
    ("entities/*.yaml",),
    "entity.schema.json",
    build,
    units=("fields", "indexes", "unique", "no_overlap"),
    after=("plugin", "codes"),
    check=check,
)
