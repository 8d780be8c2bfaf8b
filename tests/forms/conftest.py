"""A small plugin on the real foundation: houses, repairs, a form and a service item, and two families."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tongban_sdk import Actor

from core.access import AccessModel
from core.api.compose import Composer
from core.crypto import Vault
from core.fields.times import utc_now
from core.forms import FormView, form_of
from core.manifest import read_world
from core.manifest.cases import Service
from core.manifest.model import World
from core.read import Reader
from core.settings import ROOT
from core.store.case_tables import DRAFT
from core.store.crypto_tables import CRYPTO_TABLES
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of

VILLAGE = "640522100203"
FILES = {
    "plugin.yaml": """\
manifest: 1
id: homes
title: 房屋报修
version: {name: 0.1.0, code: 100}
department: {uscc: 1164052201TEA0063E, name: 住建局}
case_prefix: HM
data_level_max: L4
requires: [core]
purposes:
  service: {title: 办理服务, basis: legal_duty, retention: P3Y, text: 用于办理所申请的事项}
""",
    "entities/house.yaml": """\
entity: house
title: 房屋
subject: owner
fields:
  owner: {type: ref, title: 业主, to: core.person}
  room: {type: string, title: 房号, required: true}
  area: {type: decimal, title: 面积, precision: 8, scale: 2}
""",
    "entities/repair.yaml": """\
entity: repair
title: 报修单
subject: reporter
case: case_no
division_from: house
fields:
  case_no: {type: sequence, title: 单号, format: "HM{division:6}{date:%Y%m%d}{seq:7}"}
  reporter: {type: ref, title: 报修人, to: core.person}
  category: {type: enum, title: 类别, required: true, values: {water: 水, power: 电, other: 其他}}
  place: {type: enum, title: 地点, required: true, values: {indoor: 户内, public: 公共}}
  house: {type: ref, title: 房屋, to: house}
  floor: {type: integer, title: 楼层, min: 1, max: 60}
  words: {type: text, title: 情况说明, max: 500, level: L3, purpose: service}
  name: {type: string, title: 联系人, max: 50, level: L3, mask: name, purpose: service}
  phone: {type: phone, title: 联系电话, level: L3, purpose: service}
  address: {type: string, title: 地址, max: 120, level: L3, purpose: service}
  home: {type: string, title: 户籍地址, max: 120, level: L3, purpose: service}
  company: {type: uscc, title: 单位, level: L2}
  illness: {type: text, title: 家中病人, level: L4, purpose: service}
  photo: {type: file, title: 照片, accept: [image/jpeg, image/png]}
  quick: {type: boolean, title: 加急}
  budget: {type: money, title: 预算, min: "0"}
  tags: {type: list, title: 标签, of: string, max_items: 5}
  at: {type: point, title: 位置, level: L3, purpose: service}
  is_big: {type: computed, title: 高层, as: boolean, expr: floor > 10, stored: true}
""",
    "access.yaml": """\
rules:
  - {role: resident, entity: house, can: [read], where: owner == me.person}
  - {role: resident, entity: repair, can: [read], where: reporter == me.person, clear: "*", relation: self}
  - {role: resident, entity: repair, can: [create], where: reporter == me.person}
  - {role: window_clerk, entity: repair, can: [read], except: [illness], clear: [phone]}
""",
    "forms/repair.yaml": """\
form: repair
title: 报修
entity: repair
groups:
  - {title: 报修内容, fields: [category, place, house, floor, words, photo]}
  - {title: 联系方式, fields: [name, phone, address, home, company, illness]}
  - {title: 其他, fields: [quick, budget, tags, at]}
ui:
  house: {prefill: mine, showIf: {properties: {place: {const: indoor}}}}
  floor: {title: 第几层, showIf: {required: [house]}}
  words: {widget: textarea, hint: 写清楚坏在哪里, placeholder: 水管漏水}
  name: {prefill: person.name}
  phone: {prefill: person.phone}
  address: {prefill: household.address}
  home: {prefill: person.address}
  company: {prefill: legal_entity.uscc}
  illness: {prefill: earlier.illness}
  at: {prefill: earlier.at}
refine:
  required: [phone, floor]
  properties:
    words: {minLength: 5, x-message: 至少写 5 个字}
    floor: {maximum: 30, minimum: -5}
    category: {enum: [power, water]}
    quick: {const: true}
    tags: {minItems: 1, items: {maxLength: 4}}
  if: {properties: {category: {const: power}}, required: [category]}
  then: {required: [words, category], x-message: 电的问题要写明情况}
  allOf: [{required: [category]}, {required: [category]}]
consents:
  truth: 我承诺所填内容真实
  visit: 我同意上门
""",
    "workflows/repair.yaml": """\
workflow: repair
version: 1
title: 报修
entity: repair
start: submitted
states:
  submitted: {title: 待派, roles: [window_clerk], within: {value: 10, unit: MIN}}
  closed: {title: 已办结, end: done}
actions:
  close: {title: 办结, from: [submitted], to: closed, roles: [window_clerk]}
""",
    "services/repair.yaml": """\
service: repair
title: 住宅报修
versions:
  - version: 1
    effective_from: 2026-01-01
    effective_to: 2026-12-31
    entity: repair
    workflow: repair
    form: repair
    project_type: 即办件
    audience: [person]
    channels: [app, window]
    preconditions:
      - {when: place == "public" || house.owner == me.person, message: 户内只有业主可以报修}
      - {when: floor == null || !is_big, message: 十层以上请联系电梯公司}
    materials:
      - {id: photo, title: 现场照片, file_field: photo, accept_stand: 看得清坏处, page_num: 1}
""",
    "services/quick.yaml": """\
service: quick
title: 快速报修
versions:
  - version: 1
    effective_from: 2026-01-01
    entity: repair
    workflow: repair
    project_type: 即办件
    audience: [legal]
    channels: [web]
    real_name: 3
""",
}


#: The foundation has many more tables; these are the ones that forms and the rules behind them look into.
TOUCHED = (
    *("core.person", "core.household", "core.household_member", "core.legal_entity", "core.org_unit"),
    *("core.fact_source", "core.guardian_link", "homes.house", "homes.repair"),
)


@cache
def shipped_world(folder: Path) -> World:
    for name, text in FILES.items():
        path = folder / "homes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    world, problems = read_world([ROOT / "manifests/core", folder / "homes"])
    assert problems == []
    return world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return shipped_world(tmp_path_factory.mktemp("forms"))


@pytest.fixture
def service(world: World) -> Service:
    return world.plugins["homes"].services["repair"][0]


@pytest.fixture
def form(world: World, service: Service) -> FormView:
    return form_of(world, service)


def uid(number: int) -> str:
    return str(UUID(int=0x01930000_0000_7000_8000_000000000000 + number))


MA, HA, CLERK_PERSON = uid(1), uid(2), uid(3)
RESIDENT = Actor("acc-ma", "citizen", MA, frozenset({"anonymous", "resident"}), division=VILLAGE, real_name=2)
NEIGHBOUR = Actor("acc-ha", "citizen", HA, frozenset({"anonymous", "resident"}), division=VILLAGE, real_name=2)
STREET = Actor("stf-2", "staff", None, frozenset({"anonymous", "street_admin"}), division="640522100000")
CLERK = Actor("stf-1", "staff", None, frozenset({"anonymous", "window_clerk"}), division=VILLAGE)


@dataclass
class Homes:
    """A database with the families in it, and what a generation is to this room."""

    world: World
    reader: Reader
    database: Database
    vault: Vault
    count: int = field(default=100)

    async def put(self, key: str, **values: Any) -> str:
        """A row as it lies, whatever rules say; sealed where the field asks for it."""
        entity = self.world.entities[key]
        self.count += 1
        now = utc_now()
        row = {"id": uid(self.count), "version": 1, "division": VILLAGE, "created_at": now, "updated_at": now, **values}
        await self.database.insert([Insert(table_of(entity), row)])
        return str(row["id"])


@pytest.fixture
async def homes(database: Database, world: World) -> Homes:
    await migrate(database, [DRAFT, *CRYPTO_TABLES, *(table_of(world.entities[key]) for key in TOUCHED)])
    vault = await Vault.of(database, bytes(32), "sm")
    reader = Reader(world, AccessModel(world), vault)
    reader.use((await Composer()(world, {}))._schema, database.dialect)
    return Homes(world, reader, database, vault)
