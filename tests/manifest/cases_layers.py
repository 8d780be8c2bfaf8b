"""Bad layers of the map, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.flows import FLOWS
from tests.manifest.folders import Files

LAYERS = "grid/layers.yaml"
LAMP = """\
entity: lamp
title: 路灯
subject: none
fields:
  name: {type: string, title: 名称}
  home: {type: string, title: 户主, level: L3, purpose: service}
  state: {type: enum, title: 状态, values: {lit: 亮, dark: 坏}}
  grid: {type: grid, title: 网格}
  compound: {type: ref, title: 小区, to: compound}
  at: {type: point, title: 位置, index: true}
  door: {type: point, title: 门口, index: true, level: L3, purpose: service}
  back: {type: point, title: 后面}
"""


def layer(spec: str) -> Files:
    """One layer, on line 2."""
    return {**FLOWS, "grid/entities/lamp.yaml": LAMP, LAYERS: f"layers:\n  lamps: {{title: 灯, {spec}}}\n"}


CASES: list[Case] = [
    (
        "a layer of everything",
        layer(
            "entity: lamp, point: at, label: name, where: 'state == \"lit\"', min_zoom: 9, "
            'style: {icon: lamp, colour_by: state, colours: {lit: "#00ff00"}}'
        ),
        [],
    ),
    ("a layer by area", layer("entity: repair_order, kind: counts, area: division"), []),
    ("a layer of counts by a place", layer("entity: lamp, kind: counts, point: door"), []),
    (
        "layers of one name",
        {
            **layer("entity: lamp, point: at"),
            "grid/layers/more.yaml": "layers:\n  lamps: {title: 又, entity: lamp, point: at}\n",
        },
        ["grid/layers/more.yaml:2:3 layer.duplicate"],
    ),
    ("a layer nowhere", layer("entity: lamp"), ["grid/layers.yaml:2:3 layer.position"]),
    (
        "a layer twice",
        layer("entity: lamp, kind: counts, point: at, area: grid"),
        ["grid/layers.yaml:2:3 layer.position"],
    ),
    ("points of areas", layer("entity: lamp, area: grid"), ["grid/layers.yaml:2:41 layer.position"]),
    ("a place that is a word", layer("entity: lamp, point: name"), ["grid/layers.yaml:2:42 layer.field"]),
    ("an area that is a word", layer("entity: lamp, kind: counts, area: name"), ["grid/layers.yaml:2:55 layer.field"]),
    (
        "a label that says too much",
        layer("entity: lamp, point: at, label: home"),
        ["grid/layers.yaml:2:53 layer.field"],
    ),
    (
        "a colour by name",
        layer("entity: lamp, point: at, style: {colour_by: name}"),
        ["grid/layers.yaml:2:65 layer.field"],
    ),
    (
        "a colour of nothing",
        layer('entity: lamp, point: at, style: {colour_by: state, colours: {lid: "#00ff00"}}'),
        ["grid/layers.yaml:2:87 layer.colour"],
    ),
    ("points of persons", layer("entity: lamp, point: door"), ["grid/layers.yaml:2:42 layer.persons"]),
    (
        "places that are sealed for children",
        layer("entity: repair_order, kind: counts, point: location"),
        ["grid/layers.yaml:2:64 layer.index", "grid/layers.yaml:2:64 layer.persons"],
    ),
    ("a place without an index", layer("entity: lamp, point: back"), ["grid/layers.yaml:2:42 layer.index"]),
    (
        "a condition that says too much",
        layer("entity: lamp, point: at, where: home == null"),
        ["grid/layers.yaml:2:53 layer.where"],
    ),
    (
        "a condition that walks",
        layer("entity: lamp, point: at, where: compound.name == null"),
        ["grid/layers.yaml:2:53 layer.where"],
    ),
]
