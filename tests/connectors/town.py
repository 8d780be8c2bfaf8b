"""The works plugin with a post office outside: what it sends, and what comes in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.connectors import Connectors, Request, Taken, signing
from core.connectors.rows import CallRow
from core.connectors.wire import Call
from core.identity.providers import ProviderError
from tests.cases.conftest import VILLAGE, Office, opened
from tests.cases.folders import ACCESS, FORM, REPORT, SERVICE

KEY = "k" * 40
CONNECTORS = """connectors:
  post:
    title: 寄递
    system: 邮政
    level_max: L3
    operations:
      order:
        title: 下单
        direction: out
        number: no
        on_failure: works_chief
        timeout_s: 0.3
        tries: 3
        request:
          type: object
          required: [name, address]
          additionalProperties: false
          properties:
            name: {type: string}
            address: {type: string, minLength: 2}
            number: {type: string}
            born: {type: string, format: date}
        response:
          type: object
          required: [no]
          properties: {no: {type: string, pattern: '^YZ'}, fee: {type: integer}}
        examples: [{response: {no: YZ, fee: 1200}}]
      ask:
        title: 查价
        direction: out
        request: {type: object, required: [weight], properties: {weight: {type: integer}}}
        response: {type: object, required: [fee], properties: {fee: {type: integer}}}
        examples: [{request: {weight: 1}, response: {fee: 5}}, {response: {fee: 9}}]
      report:
        title: 来报
        direction: in
        number: id
        request:
          type: object
          required: [id, kind, area]
          properties:
            id: {type: string, maxLength: 300}
            kind: {enum: [cover, lamp, tree, cat]}
            area: {type: string}
            words: {type: string}
            at: {type: object}
        open:
          by: kind
          services: {cover: sent, lamp: sent, cat: sent}
          values: {kind: kind, note: words, at: at}
          division: area
      news:
        title: 轨迹
        direction: in
        number: id
        request:
          type: object
          required: [id, no, status]
          properties: {id: {type: string}, no: {type: string}, status: {type: string}}
        act: {of: order, number: no, by: status}
      fixed:
        title: 来报办结
        direction: in
        number: id
        request:
          type: object
          required: [id, no]
          properties: {id: {type: string}, no: {type: string}, words: {type: string}}
        act: {of: report, number: no, action: arrive, values: {result: words}}
  dead:
    title: 停用的系统
    system: 老系统
    level_max: L2
    operations:
      tell:
        title: 报送
        direction: out
        request: {type: object, properties: {note: {type: string}}}
        response: {type: object}
        examples: [{response: {}}]
"""
FLOW = """workflow: sent
version: 1
title: 寄送
entity: report
mirror: state
start: new
rating: false
states:
  new: {title: 待寄, roles: [works_desk]}
  sending: {title: 寄送中, roles: [works_desk]}
  lost: {title: 没有寄成, roles: [works_desk]}
  closed: {title: 办结, end: done}
actions:
  send:
    title: 寄出
    from: [new, lost]
    to: sending
    roles: [works_desk]
    effects:
      - call:
          connector: post
          operation: order
          values: {name: reporter.name, address: reporter.address, number: case_no}
          answer: {result: no}
          on_failure: lose
          events: {delivered: arrive, lost: lose}
  tell:
    title: 报送
    from: [new]
    roles: [works_desk]
    effects: [{call: {connector: dead, operation: tell, values: {note: note}}}]
  born:
    title: 报出生日期
    from: [new]
    roles: [works_desk]
    effects:
      - call:
          connector: post
          operation: order
          values: {name: reporter.name, address: "'海原'", born: reporter.birth_date}
          on_answer: arrive
  ship:
    title: 寄结果
    from: [new]
    to: sending
    roles: [works_desk]
    effects:
      - call:
          connector: core.courier
          operation: order
          values: {number: case_no, what: "'result'", payer: "'applicant'", name: reporter.name, phone: reporter.phone,
            address: reporter.address}
          answer: {result: waybill_no}
          events: {delivered: arrive, lost: lose}
  again:
    title: 另开一件
    from: [new]
    roles: [works_desk]
    effects: [{open: {service: sent, values: {kind: kind, story: story, score: score}}}]
  arrive: {title: 寄到, from: [new, sending], to: closed, roles: [system, works_desk]}
  lose: {title: 丢失, from: [sending], to: lost, roles: [system]}
"""
TEXTS = {
    "connectors": CONNECTORS,
    "workflows__sent": FLOW,
    "services__sent": SERVICE.format(id="sent", title="寄件", workflow="sent").replace("window]", "window, system]"),
    "entities__report": REPORT
    + "  story: {type: string, title: 经过, max: 200, level: L3, purpose: duty}\n"
    + "  score: {type: integer, title: 伤情, level: L3, purpose: duty}\n",
    "forms__report": FORM.replace("at]", "at, story, score]"),
    "access": ACCESS.replace("_service, entity: report, can: [read", "_service, entity: report, can: [read, create"),
}  # fmt: skip


@dataclass
class Outside:
    """An adapter that does as it is told, and remembers keys."""

    seen: list[Call] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    #: What the next calls do: an error, or an answer; then the usual one.
    next: list[Exception | Mapping[str, Any]] = field(default_factory=list)
    away: bool = False

    async def call(self, call: Call) -> Mapping[str, Any]:
        self.seen.append(call)
        if self.away:
            raise ProviderError("away")
        if self.next:
            said = self.next.pop(0)
            if isinstance(said, Exception):
                raise said
            return said
        return self.answers.setdefault(call.key, {"no": f"YZ{len(self.answers) + 1}", "fee": 1200})


@dataclass
class Town:
    office: Office
    outside: Outside
    folder: Path

    @property
    def connectors(self) -> Connectors:
        return self.office.host.connectors

    async def calls(self, number: str | None = None) -> list[CallRow]:
        found = await self.connectors.page(None, 1000, None)
        return [call for call in reversed(found) if number in (None, call.case_number)]

    async def run(self) -> int:
        return await self.connectors.sending.run_all()

    async def hurry(self) -> None:
        """What waits for its next try is due now."""
        async with self.office.host.database.transaction() as tx:
            await tx.execute("UPDATE tb_connector_call SET at = created_at WHERE state = 'waiting'", [])
        self.connectors.sending.breakers.clear()

    def signed(self, operation: str, message: Any, key: str = KEY, connector: str = "works.post") -> Request:
        path, body = f"/connectors/{connector}/{operation}", json.dumps(message).encode()
        return Request(path, signing.sign("hmac-sm3", key.encode(), "POST", path, body), body)

    async def post(self, operation: str, *, to: str = "works.post", **message: Any) -> Taken:
        request = self.signed(operation, message, connector=to)
        return await self.connectors.receiving.receive(to, operation, request)


@asynccontextmanager
async def town(place: tuple[str, str | None], folder: Path) -> AsyncIterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        async with opened(place, folder, patch, **TEXTS) as office:
            keys = office.host.settings.secrets_dir / "connectors"
            keys.mkdir(parents=True)
            for name in ("works.post", "core.hotline", "core.courier"):
                (keys / f"{name}.key").write_text(f"{KEY}\n{'o' * 40}\nshort\n")
            outside = Outside()
            for name in ("post", "dead"):
                connector = office.host.generation.world.plugins["works"].connectors[name]
                office.host.connectors.adapters._made[connector.key] = (connector, outside)
            office.host.connectors.adapters.specs = {"works.post": "outside:Outside"}
            await office.citizen("马大妈", address="海原县一号院", phone="13800000001")
            await office.citizen("王大爷")
            facts = {"name": "小明", "sex": "1", "birth_date": "2022-05-01", "division": VILLAGE}
            child = await office.create("core.person", **facts, address="海原县二号院")
            office.people["小明"] = replace(office["王大爷"], id="acc-child", person=child)
            await office.member("派遣员", "works_desk")
            await office.member("负责人", "works_chief")
            yield Town(office, outside, folder)
