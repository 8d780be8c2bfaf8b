"""layers.yaml or layers/*.yaml: what stands on the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from core.expr import Expr, paths
from core.fields import Field, all_fields
from core.fields.choices import Code, Enum
from core.fields.names import type_of
from core.fields.places import Division, Grid, Point
from core.fields.sealed import may_be_sealed
from core.manifest.definitions import full_key
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_condition
from core.manifest.findings import did_you_mean, shown
from core.manifest.map_layers import Layer
from core.manifest.model import Entity
from core.manifest.sections import Section

_PERSONAL = ("L3", "L4")
Kind = Literal["points", "counts"]


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for document in documents:
        for id, spec in document.entries("layers"):
            if id in layers:
                message = f"图层 {id} 已在 {layers[id].place.file} 声明"
                draft.error("layer.duplicate", document.key_place("layers", id), message, "换一个名字")
            layers[id] = _layer(id, spec, document, draft)
    return layers


def _layer(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> Layer:
    entity = draft.entity(spec["entity"], document.place("layers", id, "entity"))
    kind: Kind = spec.get("kind", "points")
    style: Mapping[str, Any] = spec.get("style", {})
    _check_position(id, spec, kind, document, draft)
    where = None
    if entity is not None:
        _Checks(id, spec, entity, document, draft).run(kind, style)
        where = _where(id, spec, entity, document, draft)
    return Layer(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        entity=full_key(spec["entity"], draft.plugin.id),
        kind=kind,
        place=document.key_place("layers", id),
        point=spec.get("point", ""),
        area=spec.get("area", ""),
        label=spec.get("label", ""),
        where=where,
        icon=style.get("icon", ""),
        colour_by=style.get("colour_by", ""),
        colours=style.get("colours", {}),
        min_zoom=spec.get("min_zoom", 0),
    )


def _check_position(id: str, spec: Mapping[str, Any], kind: Kind, document: Document, draft: Draft) -> None:
    place = document.key_place("layers", id)
    if ("point" in spec) == ("area" in spec):
        draft.error("layer.position", place, "point 和 area 应写其中一个", "points 写 point；counts 写 point 或 area")
    elif kind == "points" and "area" in spec:
        draft.error("layer.position", document.place("layers", id, "area"), "points 要写 point", "或改成 kind: counts")


class _Checks:
    """What a layer says of the fields of its entity."""

    def __init__(self, id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
        self._id, self._spec, self._entity = id, spec, entity
        self._document, self._draft = document, draft

    def run(self, kind: Kind, style: Mapping[str, Any]) -> None:
        self._field("area", self._spec, "区划或网格字段", lambda f: isinstance(f, Division | Grid))
        point = self._field("point", self._spec, "坐标点", lambda f: isinstance(f, Point))
        if point is not None:
            self._check_point(point, kind)
        self._field("label", self._spec, "L1、L2 的文字字段", self._is_plain_text)
        choice = self._field("colour_by", style, "L1、L2 的 enum 或 code 字段", self._is_choice, "style")
        if isinstance(choice, Enum):
            self._check_colours(choice, style)

    def _field(
        self, key: str, spec: Mapping[str, Any], what: str, fits: Callable[[Field], bool], *inside: str
    ) -> Field | None:
        """The field a key names; None = not written, or already reported."""
        name = spec.get(key)
        if name is None or self._draft.is_broken_field(self._entity, name):
            return None
        fields = {n: f for n, f in all_fields(self._entity).items() if fits(f)}
        if name not in fields:
            place = self._document.place("layers", self._id, *inside, key)
            hint = did_you_mean(name, fields) or (f"可用：{'、'.join(fields)}" if fields else "在实体里加上这个字段")
            self._draft.error("layer.field", place, f"{key} 应是{what}，{shown(name)} 不是", hint)
        return fields.get(name)

    def _is_plain_text(self, field: Field) -> bool:
        found = type_of(field)
        return found is not None and found.kind == "text" and field.level not in _PERSONAL

    @staticmethod
    def _is_choice(field: Field) -> bool:
        return isinstance(field, Enum | Code) and field.level not in _PERSONAL

    def _check_point(self, point: Field, kind: Kind) -> None:
        place = self._document.place("layers", self._id, "point")
        is_of_persons = self._entity.subjects == ("self",) or point.level in _PERSONAL
        if may_be_sealed(point, self._entity):
            message = f"{point.name} 可能加密存放，不能按坐标查"
            self._draft.error("layer.persons", place, message, "改成 kind: counts，用 area 按网格或区划计数")
        elif is_of_persons and kind == "points":
            message = f"{point.name} 是个人的位置，地图上只能有个数"
            self._draft.error("layer.persons", place, message, "改成 kind: counts")
        if not point.index:
            message = f"{point.name} 没有索引，看一小块地图要读全表"
            self._draft.error(
                "layer.index", place, message, f"在实体 {self._entity.key} 的 {point.name} 写上 index: true"
            )

    def _check_colours(self, choice: Enum, style: Mapping[str, Any]) -> None:
        for value in style.get("colours", {}):
            if value not in choice.values:
                place = self._document.place("layers", self._id, "style", "colours", value)
                message = f"{choice.name} 没有值 {shown(value)}"
                self._draft.error("layer.colour", place, message, did_you_mean(value, choice.values))


def _where(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> Expr | None:
    """Whoever sees the layer knows that it holds for each of its rows."""
    if "where" not in spec:
        return None
    place = document.place("layers", id, "where")
    found = read_condition(spec["where"], entity, place, draft)
    for path in sorted(paths(found)) if found else ():
        field = all_fields(entity).get(path[0])
        if len(path) > 1 or field is None or field.level in _PERSONAL:
            message = f"图层的条件只能用这一行自己的 L1、L2 字段，{shown('.'.join(path))} 不是"
            draft.error("layer.where", place, message, "换成一个存下来的字段")
    return found


SECTION = Section(
    "layers",
    ("layers.yaml", "layers/*.yaml"),
    "layers.schema.json",
    build,
    units=("layers",),
    after=("plugin", "entities"),
)
