"""Output types made from manifests: an object per entity, its connection, its statistics, its enums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from core.api.inputs import EntityInputs, WhereOf, camel, reason_of
from core.api.scalars import DATE, DECIMAL, LONG, PAGE_INFO, PAGE_SIZE, PAGE_SIZE_DEFAULT, POINT, SCALARS
from core.fields import all_fields
from core.fields.base import Field
from core.fields.choices import Enum
from core.fields.refs import Ref
from core.fields.structured import List
from core.manifest.model import Entity
from core.read.columns import column_of, groupable, is_comparable, is_number
from core.read.picks import pick

#: Finds the types of an entity of this or an earlier plugin.
TypesOf = Callable[[str], "EntityTypes | None"]


def picked(type_: GraphQLOutputType, description: str, args: Any = None, **extensions: Any) -> GraphQLField:
    reason = reason_of(extensions.get("field"))
    return GraphQLField(
        type_, args=args, resolve=pick, description=description, deprecation_reason=reason, extensions=extensions
    )


def described(field: Field) -> str:
    return f"{field.title}。{field.description}" if field.description else field.title


class EntityTypes:
    """All types of one entity. Fields are lazy, so that entities of a plugin may point at each other."""

    def __init__(self, entity: Entity, types_of: TypesOf, inverses: tuple[tuple[Entity, Ref], ...]) -> None:
        self.entity = entity
        self._types_of = types_of
        self._inverses = inverses
        self._name = entity.type_name
        self.enums = dict(self._enum_types())
        where_of: WhereOf = lambda key: found.inputs.where if (found := types_of(key)) else None  # noqa: E731
        self.inputs = EntityInputs(entity, self.enums, where_of)
        self.object = GraphQLObjectType(
            self._name, self._object_fields, description=entity.description or entity.title,
            extensions={"entity": entity},
        )  # fmt: skip
        self.edge = GraphQLObjectType(
            f"{self._name}Edge",
            {
                "cursor": picked(GraphQLNonNull(GraphQLString), "游标。"),
                "node": picked(GraphQLNonNull(self.object), entity.title),
            },
            description=f"{entity.title}和它的游标。",
        )
        self.connection = GraphQLObjectType(
            f"{self._name}Connection",
            {
                "nodes": picked(_list(self.object), "本页各行。"),
                "edges": picked(_list(self.edge), "本页各行和游标。"),
                "pageInfo": picked(GraphQLNonNull(PAGE_INFO), "分页情况。"),
                "totalCount": picked(GraphQLNonNull(GraphQLInt), "一共多少行；选了才计算。"),
            },
            description=f"一页{entity.title}。",
            extensions={"connection": entity},
        )
        self._stats_parts = dict(self._stats_objects())
        self.stats = GraphQLObjectType(
            f"{self._name}Stats",
            {
                "count": picked(GraphQLNonNull(GraphQLInt), "行数。"),
                **{
                    key: picked(GraphQLNonNull(part), part.description or "") for key, part in self._stats_parts.items()
                },
            },
            description=f"一组{entity.title}的统计。",
            extensions={"stats": entity},
        )

    def named(self) -> Iterator[GraphQLNamedType]:
        yield from (self.object, self.edge, self.connection, self.stats)
        yield from self._stats_parts.values()
        yield from self.enums.values()
        yield from self.inputs.named()

    def list_arguments(self) -> dict[str, GraphQLArgument]:
        return {
            "where": GraphQLArgument(self.inputs.where, description="筛选条件。"),
            "orderBy": GraphQLArgument(
                GraphQLList(GraphQLNonNull(self.inputs.order_by)), description="排序；相同的按标识。"
            ),
            "first": GraphQLArgument(PAGE_SIZE, default_value=PAGE_SIZE_DEFAULT, description="一页几行。"),
            "after": GraphQLArgument(GraphQLString, description="从这个游标之后开始。"),
        }

    def _enum_types(self) -> Iterator[tuple[str, GraphQLEnumType]]:
        for f in all_fields(self.entity).values():
            values = f.values if isinstance(f, Enum | List) else None
            if values:
                yield (
                    f.name,
                    GraphQLEnumType(
                        f"{self._name}{camel(f.name)}",
                        {id: GraphQLEnumValue(id, description=title) for id, title in values.items()},
                        description=f"{self.entity.title}的{f.title}。",
                    ),
                )

    def _object_fields(self) -> dict[str, GraphQLField]:
        fields: dict[str, GraphQLField] = {}
        for f in all_fields(self.entity).values():
            if isinstance(f, Ref):
                if target := self._types_of(f.to):
                    fields[f.graphql_name] = picked(target.object, described(f), field=f, ref=target.entity)
                fields[f"{f.graphql_name}Id"] = picked(GraphQLID, f"{f.title}的标识", field=f)
            else:
                type_ = self._output_type(f)
                always = f.name in ("id", "version")
                fields[f.graphql_name] = picked(GraphQLNonNull(type_) if always else type_, described(f), field=f)
        for other, ref in self._inverses:
            if types := self._types_of(other.key):
                name = ref.inverse.split("_")[0] + camel(ref.inverse.partition("_")[2])
                fields[name] = picked(
                    types.connection,
                    f"{other.title}（{ref.title}为本行）",
                    types.list_arguments(),
                    inverse=(other, ref),
                )
        fields["maskedFields"] = picked(
            GraphQLNonNull(GraphQLList(GraphQLNonNull(GraphQLString))), "对你打了码的字段的名字。", masked=True
        )
        return fields

    def _output_type(self, f: Field) -> Any:
        element: Any = self.enums.get(f.name)
        if isinstance(f, List):
            return GraphQLList(GraphQLNonNull(element or SCALARS[f.item_scalar]))
        if f.type == "point":
            return POINT
        return element or SCALARS[f.graphql_scalar]

    def _stats_objects(self) -> Iterator[tuple[str, GraphQLObjectType]]:
        fields = list(all_fields(self.entity).values())
        numbers = [f for f in fields if is_number(f)]
        makers: Mapping[str, tuple[str, list[Field], Callable[[Field], Any]]] = {
            "key": ("分组的值；没有按它分组的为空。", [f for f in fields if groupable(f)], self._key_type),
            "sum": ("合计。", numbers, lambda f: DECIMAL if _is_decimal(f) else LONG),
            "avg": ("平均，比字段多两位小数。", numbers, lambda f: DECIMAL),
            "min": ("最小值。", [f for f in fields if is_comparable(f)], self._output_type),
            "max": ("最大值。", [f for f in fields if is_comparable(f)], self._output_type),
        }
        for part, (description, chosen, type_of) in makers.items():
            if chosen:
                inner = {_scalar_name(f): picked(type_of(f), f.title, field=f) for f in chosen}
                yield (
                    part,
                    GraphQLObjectType(
                        f"{self._name}Stats{part.capitalize()}",
                        inner,
                        description=description,
                        extensions={"part": part},
                    ),
                )

    def _key_type(self, f: Field) -> Any:
        if f.type == "datetime":
            return DATE
        return GraphQLID if isinstance(f, Ref) else self._output_type(f)


def _scalar_name(f: Field) -> str:
    return f"{f.graphql_name}Id" if isinstance(f, Ref) else f.graphql_name


def _is_decimal(f: Field) -> bool:
    column = column_of(f)
    return column is not None and column.kind == "decimal"


def _list(type_: GraphQLObjectType) -> Any:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(type_)))
