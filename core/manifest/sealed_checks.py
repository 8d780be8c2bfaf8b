"""What cannot be done with sealed values: compared, indexed, worked with in the database, shipped in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tongban_sdk.problems import Place

from core.expr import Expr, ExprError, parse
from core.expr.tree import Exists, Path, children
from core.fields import all_fields
from core.fields.base import Field
from core.fields.made import Computed
from core.fields.refs import Ref
from core.fields.sealed import WORK_TYPES, is_sealed, may_be_sealed
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.model import Entity

#: A keyed hash is of one plain value; of these there is none, or nobody asks for it whole.
_UNKEYED = WORK_TYPES | {"json", "list", "point", "polygon", "computed"}


def check_sealing(entity: Entity, document: Document, draft: Draft) -> None:
    """The fields of an entity, its indexes and its computed values."""
    for field in entity.fields.values():
        _check_field(field, entity, document, draft)
    for key in ("indexes", "unique"):
        for i, names in document.entries(key):
            for j, name in enumerate(names):
                _check_index(name.removeprefix("-"), key == "unique", document.place(key, i, j), entity, draft)


def check_comparisons(expr: Expr, entity: Entity, place: Place, draft: Draft) -> None:
    """An expression that the database works out; the values it names must be plain there."""
    named = {(owner.key, name): owner for name, owner in _named(expr, entity, draft, {})}
    for (_, name), owner in named.items():
        if may_be_sealed(owner.fields[name], owner):
            message = f"表达式用了 {name}：它{_why(owner.fields[name])}，数据库里只有密文"
            draft.error("expr.sealed", place, message, "换一个工作键，如状态、日期、区划、引用")


def check_shipped(entity: Entity, place: Place, draft: Draft) -> None:
    """Reference rows lie in files that everybody who has the manifest can read."""
    if entity.subject_paths:
        message = f"实体 {entity.key} 的数据是关于人的，不能随清单发布"
        draft.error("data.personal", place, message, "用导入或界面写入；清单里只放参考数据")


def is_shippable(field: Field) -> bool:
    return not is_sealed(field) and not field.keyed


def _check_field(field: Field, entity: Entity, document: Document, draft: Draft) -> None:
    place = document.key_place("fields", field.name)
    # What a file holds is sealed whatever its level; its field is an id.
    if field.level == "L4" and field.type in WORK_TYPES - {"file"}:
        message = f"{field.name}（{field.type}）是工作键，不能加密存放"
        draft.error("entity.level-unsealable", place, message, "分级写 L3；敏感的内容另立字段")
    if field.keyed and field.type in _UNKEYED:
        message = f"{field.name}（{field.type}）没有可比对的值，不能写 keyed"
        draft.error("entity.keyed-type", document.place("fields", field.name, "keyed"), message, "删去 keyed")
    for key in ("unique", "index"):
        if getattr(field, key):
            _check_index(field.name, key == "unique", document.place("fields", field.name, key), entity, draft)
    if isinstance(field, Computed) and not field.stored:
        try:
            expr = parse(field.expr)
        except ExprError:
            return
        check_comparisons(expr, entity, document.place("fields", field.name, "expr"), draft)


def _check_index(name: str, is_unique: bool, place: Place, entity: Entity, draft: Draft) -> None:
    field = entity.fields.get(name)
    if field is None or field.keyed:
        return
    # Texts that are sealed for children only still sort and search for everybody else.
    if is_sealed(field) or (is_unique and may_be_sealed(field, entity)):
        message = f"{name} {_why(field)}，密文两次不同，索引找不到它"
        draft.error("entity.index-sealed", place, message, "写上 keyed: true：按带密钥的散列查重和查找")


def _why(field: Field) -> str:
    return "加密存放（L4）" if field.level == "L4" else "在不满十四周岁的人的数据里加密存放（L3）"


def _named(expr: Expr, entity: Entity, draft: Draft, variables: Mapping[str, Entity]) -> Iterator[tuple[str, Entity]]:
    """Declared fields whose values the expression reads, with their entities; what is unknown has its own problem."""
    if isinstance(expr, Path):
        owner = _walk(expr.names[:-1], entity, draft, variables)
        if owner is not None and expr.names[-1] in owner.fields:
            yield expr.names[-1], owner
        return
    if isinstance(expr, Exists):
        owner = _walk(expr.path[:-1], entity, draft, variables)
        found = draft.inverse_of(owner, expr.path[-1]) if owner else None
        variables = {**variables, **({expr.variable: found} if found else {})}
    for child in children(expr):
        yield from _named(child, entity, draft, variables)


def _walk(names: tuple[str, ...], entity: Entity, draft: Draft, variables: Mapping[str, Entity]) -> Entity | None:
    """The entity a path of refs leads to."""
    found: Entity | None = entity
    if names and names[0] in variables:
        found, names = variables[names[0]], names[1:]
    for name in names:
        field = all_fields(found).get(name) if found else None
        found = draft.entity_of(field.to) if isinstance(field, Ref) else None
    return found
