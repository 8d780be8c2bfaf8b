"""What an entity must hold once all entities of its plugin are made: references, names, indexes, expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.expr import paths
from core.expr.tree import Call, Exists, Expr, Me, nodes
from core.expr.types import ASKED
from core.fields import all_fields
from core.fields.made import Computed
from core.fields.names import fits, result_type
from core.fields.refs import Ref
from core.fields.tree import Path
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_expression
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Entity
from core.manifest.period_checks import check_periods
from core.manifest.person_checks import check_person
from core.manifest.tree_checks import check_path


def check_entity(entity: Entity, document: Document, draft: Draft) -> None:
    for ref in _refs(entity):
        _check_ref(ref, entity, document, draft)
    _check_names(entity, document, draft)
    _check_renames(entity, document, draft)
    _check_indexes(entity, document, draft)
    _check_pointers(entity, document, draft)
    check_periods(entity, document, draft)
    check_person(entity, document, draft)
    for field in entity.fields.values():
        if isinstance(field, Computed):
            _check_computed(field, entity, document, draft)
        elif isinstance(field, Path):
            check_path(field, entity, document, draft)


def _refs(entity: Entity) -> Iterator[Ref]:
    return (field for field in entity.fields.values() if isinstance(field, Ref))


def _check_ref(ref: Ref, entity: Entity, document: Document, draft: Draft) -> None:
    path = ("fields", ref.name)
    name = ref.to.removeprefix(f"{entity.plugin_id}.")
    before = len(draft.problems)
    target = draft.entity(name, document.place(*path, "to"))
    if len(draft.problems) > before and draft.problems[-1].id == "entity.unknown":
        found = draft.problems.pop()
        draft.error("entity.ref-unknown", found.place, f"引用的实体 {shown(name)} 不存在", found.hint)
    if ref.on_delete == "set_null" and ref.required:
        message = f"{ref.name} 必填，不能在对方删除时置空"
        draft.error("entity.ref-set-null", document.place(*path, "on_delete"), message, "去掉 required，或用 restrict")
    if target is None or not ref.inverse:
        return
    place = document.place(*path, "inverse")
    if target.plugin_id != entity.plugin_id:
        message = f"反向字段 {ref.inverse} 会改动别的插件 {target.plugin_id}"
        draft.error("entity.inverse-foreign", place, message, "删去 inverse；从本插件的列表按引用筛选")
    elif list(_graphql_names(target, draft)).count(_camel(ref.inverse)) > 1:
        message = f"实体 {target.name} 已有叫 {ref.inverse} 的字段"
        draft.error("entity.inverse-duplicate", place, message, "换一个反向字段名")


def _check_names(entity: Entity, document: Document, draft: Draft) -> None:
    """GraphQL names and columns, which several field names can share: a_1 and a1, house and house_id."""
    own = {name: [*_own_names(entity, name)] for name in entity.fields}
    counts = Counter(name for names in own.values() for name in names) + Counter(
        _camel(n) for n in all_fields(entity) if n not in own
    )
    columns = Counter(c.name for field in all_fields(entity).values() for c in field.columns())
    for name, field in entity.fields.items():
        place = document.key_place("fields", name)
        if twice := [n for n in own[name] if counts[n] > 1]:
            draft.error(
                "entity.field-duplicate", place, f"字段 {name} 在 GraphQL 里与别的字段同名：{twice[0]}", "换一个名字"
            )
        elif shared := [c.name for c in field.columns() if columns[c.name] > 1]:
            draft.error("entity.field-duplicate", place, f"字段 {name} 与别的字段共用列 {shared[0]}", "换一个名字")


def _own_names(entity: Entity, name: str) -> Iterator[str]:
    yield _camel(name)
    if isinstance(entity.fields[name], Ref):
        yield f"{_camel(name)}Id"


def _graphql_names(entity: Entity, draft: Draft) -> Iterator[str]:
    """All names of an entity's object type, inverse fields included."""
    yield from (_camel(name) for name in all_fields(entity) if name not in entity.fields)
    for name in entity.fields:
        yield from _own_names(entity, name)
    for other in draft.plugin.entities.values():
        yield from (_camel(ref.inverse) for ref in _refs(other) if ref.to == entity.key and ref.inverse)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _check_renames(entity: Entity, document: Document, draft: Draft) -> None:
    if entity.renamed_from in draft.plugin.entities:
        place = document.place("renamed_from")
        draft.error(
            "entity.renamed-exists", place, f"原名 {entity.renamed_from} 仍是一个实体", "删去旧实体或 renamed_from"
        )
    olds = Counter(field.renamed_from for field in entity.fields.values() if field.renamed_from)
    for name, field in entity.fields.items():
        old = field.renamed_from
        if old and (old in all_fields(entity) or olds[old] > 1):
            place = document.place("fields", name, "renamed_from")
            draft.error(
                "entity.renamed-exists",
                place,
                f"原名 {shown(old)} 仍是一个字段，或被用了两次",
                "删去旧字段或 renamed_from",
            )


def _check_indexes(entity: Entity, document: Document, draft: Draft) -> None:
    for key in ("indexes", "unique"):
        for i, names in document.entries(key):
            for j, name in enumerate(names):
                _check_indexed(
                    name.removeprefix("-") if key == "indexes" else name, (key, i, j), entity, document, draft
                )
    for name, field in entity.fields.items():
        for key in ("unique", "index"):
            if getattr(field, key):
                _check_indexed(name, ("fields", name, key), entity, document, draft)


def _check_indexed(name: str, path: tuple[str | int, ...], entity: Entity, document: Document, draft: Draft) -> None:
    place = document.place(*path)
    field = all_fields(entity).get(name)
    if field is None and draft.is_broken_field(entity, name):
        return
    if field is None:
        hint = did_you_mean(name, all_fields(entity))
        draft.error("entity.field-unknown", place, f"没有字段 {shown(name)}", hint)
        return
    columns = field.columns()
    if path[0] == "unique" or path[-1] == "unique":
        ok = len(columns) == 1 and columns[0].kind != "json"
    else:
        ok = len(columns) > 0 and all(column.kind != "json" for column in columns)
    if not ok:
        message = f"{name}（{field.type}）没有可建这种索引的列"
        draft.error("entity.not-indexable", place, message, "换一个字段；计算字段先写 stored: true")


def _check_pointers(entity: Entity, document: Document, draft: Draft) -> None:
    fields = all_fields(entity)
    if entity.display and entity.display not in fields and not draft.is_broken_field(entity, entity.display):
        hint = did_you_mean(entity.display, fields)
        draft.error("entity.field-unknown", document.place("display"), f"没有字段 {shown(entity.display)}", hint)
    if draft.is_broken_field(entity, entity.division_from):
        return
    if entity.division_from and not isinstance(entity.fields.get(entity.division_from), Ref):
        refs = [ref.name for ref in _refs(entity)]
        message = f"division_from 应是引用字段，{shown(entity.division_from)} 不是"
        draft.error(
            "entity.division-from", document.place("division_from"), message, did_you_mean(entity.division_from, refs)
        )


def _check_computed(field: Computed, entity: Entity, document: Document, draft: Draft) -> None:
    place = document.place("fields", field.name, "expr")
    found = read_expression(field.expr, entity, place, draft)
    if found is None:
        return
    expr, result = found
    if not fits(result, result_type(field)):
        message = f"{field.name} 声明为 {field.as_type}，表达式得到的是{result}"
        draft.error("entity.computed-type", document.place("fields", field.name, "as"), message, "改正 as 或表达式")
    _check_computed_level(expr, field, entity, document, draft)
    for fault in _computed_faults(expr, field, entity):
        draft.error("entity.computed-scope", place, f"{field.name} 的表达式{fault}", "只用本行的普通字段")


def _check_computed_level(expr: Expr, field: Computed, entity: Entity, document: Document, draft: Draft) -> None:
    """A value worked out from personal data is personal data: masks and rights follow the level."""
    highest = max((_level(path, entity, draft) for path in paths(expr)), default="L1")
    if field.level < highest:
        message = f"{field.name} 的分级 {field.level} 低于它取用的字段（{highest}）"
        place = document.key_place("fields", field.name)
        draft.error("entity.computed-level", place, message, f"写上 level: {highest}")


def _level(path: tuple[str, ...], entity: Entity, draft: Draft) -> str:
    *refs, last = path
    for name in refs:
        ref = entity.fields[name]
        assert isinstance(ref, Ref)
        target = draft.entity_of(ref.to)
        assert target is not None
        entity = target
    return all_fields(entity)[last].level


def _computed_faults(expr: Expr, field: Computed, entity: Entity) -> Iterator[str]:
    parts = list(nodes(expr))
    if any(isinstance(node, Me) for node in parts):
        yield "用了 me：同一行对不同的人会有不同的值"
    used = paths(expr)
    if any(isinstance(entity.fields.get(path[0]), Computed) for path in used):
        yield "用了另一个计算字段"
    if field.stored and any(len(path) > 1 for path in used):
        yield "存下的值不能取自别的行：别的行会变"
    if field.stored and any(isinstance(node, Call) and node.function in ("now", "today") for node in parts):
        yield "存下的值不能取决于当前时间"
    if any(isinstance(node, Exists) or (isinstance(node, Call) and node.function in ASKED) for node in parts):
        yield "问了别的表：只有 where 能这样问"
