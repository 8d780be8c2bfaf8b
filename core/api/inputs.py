"""Input types made from manifests: filters, orders, groups, values of a create and of an update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
)

from core.api.scalars import DATE_BUCKET, DIRECTION, DIVISION_LEVEL, SCALARS
from core.fields import all_fields
from core.fields.base import Field
from core.fields.made import Computed
from core.fields.refs import Ref
from core.fields.structured import List
from core.fields.tree import Path
from core.manifest.model import Entity
from core.read.columns import groupable, operators_of, sortable

#: Finds the filter type of a ref's target, or None when its plugin is not part of this world.
WhereOf = Callable[[str], GraphQLInputObjectType | None]

_DESCRIPTIONS: Mapping[str, str] = {
    "eq": "等于。", "ne": "不等于。", "in": "是其中之一。", "notIn": "不是其中任何一个。",
    "lt": "小于。", "lte": "小于或等于。", "gt": "大于。", "gte": "大于或等于。", "isNull": "是不是空值。",
    "contains": "含有这段文字。", "startsWith": "以这段文字开头。", "under": "在这个区划之内，含它自己。",
    "within": "在这个范围之内。", "near": "在这一点附近。", "has": "含有这个元素。",
}  # fmt: skip


def _field(type_: GraphQLInputType, description: str, **extensions: Any) -> GraphQLInputField:
    reason = None if isinstance(type_, GraphQLNonNull) else reason_of(extensions.get("field"))
    return GraphQLInputField(type_, description=description, deprecation_reason=reason, extensions=extensions)


def reason_of(field: Field | None) -> str | None:
    """Why clients should no longer use a field, and what instead."""
    return (field.deprecated or None) if field else None


POINT_INPUT = GraphQLInputObjectType(
    "PointInput",
    {
        "lng": _field(GraphQLNonNull(GraphQLFloat), "经度，度。"),
        "lat": _field(GraphQLNonNull(GraphQLFloat), "纬度，度。"),
        "crs": _field(GraphQLNonNull(GraphQLString), "坐标系：CGCS2000、WGS84、GCJ02、BD09。"),
    },
    description="地图上的一点，须写明坐标系。",
    extensions={"leaf": True},
)
BOX_INPUT = GraphQLInputObjectType(
    "BoxInput",
    {
        "west": _field(GraphQLNonNull(GraphQLFloat), "西边经度，度。"),
        "south": _field(GraphQLNonNull(GraphQLFloat), "南边纬度，度。"),
        "east": _field(GraphQLNonNull(GraphQLFloat), "东边经度，度。"),
        "north": _field(GraphQLNonNull(GraphQLFloat), "北边纬度，度。"),
        "crs": _field(GraphQLNonNull(GraphQLString), "坐标系：CGCS2000、WGS84、GCJ02、BD09。"),
    },
    description="地图上的一个矩形。",
    extensions={"leaf": True},
)
NEAR_INPUT = GraphQLInputObjectType(
    "NearInput",
    {
        "lng": _field(GraphQLNonNull(GraphQLFloat), "圆心经度，度。"),
        "lat": _field(GraphQLNonNull(GraphQLFloat), "圆心纬度，度。"),
        "crs": _field(GraphQLNonNull(GraphQLString), "坐标系：CGCS2000、WGS84、GCJ02、BD09。"),
        "radiusM": _field(GraphQLNonNull(GraphQLFloat), "半径，米。"),
    },
    description="地图上的一个圆。",
    extensions={"leaf": True},
)


@cache
def _scalar_filter(kind: str, scalar: GraphQLScalarType, operators: tuple[str, ...]) -> GraphQLInputObjectType:
    return _filter(f"{kind}Filter", scalar, operators)


def _filter(
    name: str, element: GraphQLScalarType | GraphQLEnumType, operators: tuple[str, ...]
) -> GraphQLInputObjectType:
    shapes: dict[str, GraphQLInputType] = {
        "in": GraphQLList(GraphQLNonNull(element)),
        "notIn": GraphQLList(GraphQLNonNull(element)),
        "isNull": GraphQLBoolean,
        "within": BOX_INPUT,
        "near": NEAR_INPUT,
    }
    fields = {op: _field(shapes.get(op, element), _DESCRIPTIONS[op], operator=op) for op in operators}
    return GraphQLInputObjectType(name, fields, description="条件；几项同时满足。", extensions={"filter": True})


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


class EntityInputs:
    """All input types of one entity. Types are lazy inside, so that entities of a plugin may point at each other."""

    def __init__(self, entity: Entity, enums: Mapping[str, GraphQLEnumType], where_of: WhereOf) -> None:
        self.entity = entity
        self.enums = enums
        self._where_of = where_of
        self._name = entity.type_name
        self._filters: dict[str, GraphQLInputObjectType] = {}
        self.where = GraphQLInputObjectType(
            f"{self._name}Where", self._where_fields, description=f"{entity.title}的筛选条件；几项同时满足。"
        )
        self.order_field = self._choice("OrderField", [f for f in self._fields() if sortable(f)], "可排序的字段")
        self.order_by = GraphQLInputObjectType(
            f"{self._name}OrderBy",
            {
                "field": _field(GraphQLNonNull(self.order_field), "字段。"),
                "direction": GraphQLInputField(DIRECTION, default_value="ASC", description="方向。"),
            },
            description=f"{entity.title}的排序。",
        )
        self.group_field = self._choice("GroupField", [f for f in self._fields() if groupable(f)], "可分组的字段")
        self.group_by = GraphQLInputObjectType(
            f"{self._name}GroupBy",
            {
                "field": _field(GraphQLNonNull(self.group_field), "字段。"),
                "bucket": _field(DATE_BUCKET, "日期和时间字段按什么分组，默认按日。"),
                "level": _field(DIVISION_LEVEL, "区划字段按哪一级分组，默认不归并。"),
            },
            description=f"{entity.title}的分组。",
        )
        self.create = self._values("Input", "新建", required=True)
        self.patch = self._values("Patch", "修改", required=False)

    def _fields(self) -> list[Field]:
        return list(all_fields(self.entity).values())

    def named(self) -> Iterator[GraphQLNamedType]:
        yield from (self.where, self.order_field, self.order_by, self.group_field, self.group_by)
        yield from (values for values in (self.create, self.patch) if values)
        yield from self._filters.values()
        yield from (field_filter for f in self._fields() if (field_filter := self._filter_of(f)))

    def _choice(self, suffix: str, fields: list[Field], description: str) -> GraphQLEnumType:
        values = {f.graphql_name: GraphQLEnumValue(f.name, description=f.title) for f in fields}
        return GraphQLEnumType(
            f"{self._name}{suffix}", values, description=f"{self.entity.title}{description}。",
            extensions={"structural": True},
        )  # fmt: skip

    def _where_fields(self) -> dict[str, GraphQLInputField]:
        many = GraphQLList(GraphQLNonNull(self.where))
        fields = {
            "and": _field(many, "全部满足。", combine="and"),
            "or": _field(many, "满足任意一项。", combine="or"),
            "not": _field(self.where, "不满足。", combine="not"),
        }
        for f in self._fields():
            if field_filter := self._filter_of(f):
                name = f"{f.graphql_name}Id" if isinstance(f, Ref) else f.graphql_name
                fields[name] = _field(field_filter, f.title, field=f)
            if isinstance(f, Ref) and (target := self._where_of(f.to)):
                fields[f.graphql_name] = _field(target, f"{f.title}满足的条件", ref=f)
        return fields

    def _filter_of(self, f: Field) -> GraphQLInputObjectType | None:
        operators = operators_of(f)
        if not operators:
            return None
        if enum := self.enums.get(f.name):
            name = f"{enum.name}Filter"
            if name not in self._filters:
                self._filters[name] = _filter(name, enum, operators)
            return self._filters[name]
        if isinstance(f, List):
            return _scalar_filter(f"{camel(f.of)}List", SCALARS[f.item_scalar], operators)
        scalar = SCALARS.get(f.graphql_scalar, GraphQLString)
        kind = f.as_type if isinstance(f, Computed) else "string" if isinstance(f, Path) else f.type
        prefix = "Long" if f.graphql_scalar == "Long" else camel(kind)
        return _scalar_filter(prefix, scalar, operators)

    def _values(self, suffix: str, verb: str, *, required: bool) -> GraphQLInputObjectType | None:
        fields = {}
        for f in self._fields():
            if f.is_writable:
                type_ = self._input_type(f)
                needed = required and f.required and f.default is None
                name = f"{f.graphql_name}Id" if isinstance(f, Ref) else f.graphql_name
                fields[name] = _field(GraphQLNonNull(type_) if needed else type_, f.title, field=f)
            elif isinstance(f, Path):  # clients of 0.1.0 wrote it
                fields[f.graphql_name] = GraphQLInputField(
                    GraphQLString, description=f.title, deprecation_reason="由系统按上级生成，填写的值不起作用"
                )
        if not fields:
            return None
        return GraphQLInputObjectType(
            f"{self._name}{suffix}", fields, description=f"{verb}{self.entity.title}时填写的值。",
            extensions={"values": self.entity},
        )  # fmt: skip

    def _input_type(self, f: Field) -> Any:
        element: Any = self.enums.get(f.name)
        if isinstance(f, List):
            return GraphQLList(GraphQLNonNull(element or SCALARS[f.item_scalar]))
        if f.type == "point":
            return POINT_INPUT
        if isinstance(f, Ref):
            return GraphQLID
        return element or SCALARS[f.graphql_scalar]
