"""Reading the audit: for auditors only, and itself audited. Nothing here changes a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry
from tongban_sdk import Actor, RequestError

from core.api.compose import Roots
from core.audit import Entry
from core.audit.reading import Page, cursor_of, read_page, read_state
from core.audit.rows import read_subjects
from core.identity.required import require_role

AUDITORS = frozenset({"audit_admin"})


@strawberry.type(description="一条审计记录。只有标识、字段名和代码，没有个人数据的内容。")
class AuditRecord:
    id: strawberry.ID = strawberry.field(description="通道号和行号。")
    at: datetime = strawberry.field(description="时间（UTC）。")
    actor: str = strawberry.field(description="账号标识；空为未登录。")
    kind: str = strawberry.field(description="账号种类：anonymous、citizen、staff、admin 或 system。")
    principal: str = strawberry.field(description="代办时被代办人的标识。")
    agent: str = strawberry.field(description="代办时代办人的标识。")
    action: str = strawberry.field(description="create、update、delete、read、unmask，或其他变更的名称。")
    entity: str = strawberry.field(description="实体，如 core.person。")
    row_id: str = strawberry.field(description="行的标识。")
    result: str = strawberry.field(description="ok，或拒绝的错误码。")
    fields: list[str] = strawberry.field(description="涉及的字段名。")
    purpose: str = strawberry.field(description="用途。")
    case: str = strawberry.field(description="案件编号。")
    rule: str = strawberry.field(description="据以允许的规则。")
    node: str = strawberry.field(description="执行的节点。")
    session: str = strawberry.field(description="登录会话的标识。")
    detail: str = strawberry.field(description="给审计员的说明。")
    subjects: list[strawberry.ID] = strawberry.field(description="涉及的当事人的标识。")


@strawberry.type(description="一页审计记录，新的在前。")
class AuditPage:
    nodes: list[AuditRecord] = strawberry.field(description="记录。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="审计链的状况。")
class AuditState:
    ok: bool = strawberry.field(description="封印及时，且链与库外的链头相符。")
    last_seal: int = strawberry.field(description="最后一个封印的编号。")
    sealed_at: datetime | None = strawberry.field(description="它的时间（UTC）。")
    waiting: int = strawberry.field(description="还未封印的行数。")
    lag_s: float = strawberry.field(description="最早一条未封印记录等了多少秒。")
    trouble: str = strawberry.field(description="出了什么问题；正常时为空。")


async def _records(
    info: strawberry.Info,
    first: int = 20,
    after: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    entity: str | None = None,
    row_id: str | None = None,
    result: str | None = None,
    case: str | None = None,
    subject: strawberry.ID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AuditPage:
    host, me = info.context.host, info.context.actor
    try:
        _check_auditor(me)
    except RequestError as error:
        await host.audit.record(Entry(me, "read", "tb_audit", result=error.code))
        raise
    filters = {
        "actor": actor, "action": action, "entity": entity, "row_id": row_id, "result": result, "case": case,
        "subject": subject, "since": since, "until": until,
    }  # fmt: skip
    page = Page.of(first, after)
    asked = tuple(name for name, value in filters.items() if value is not None)
    await host.audit.record(Entry(me, "read", "tb_audit", fields=asked))
    lines = await read_page(host.database, filters, page)
    shown = lines[:first]
    nodes = [await _record(host.database, line) for line in shown]
    return AuditPage(nodes=nodes, has_next_page=len(lines) > first, end_cursor=cursor_of(shown[-1]) if shown else None)


async def _state(info: strawberry.Info) -> AuditState:
    host = info.context.host
    _check_auditor(info.context.actor)
    state = await read_state(host.database, host.audit.sealer)
    return AuditState(
        ok=state.ok, last_seal=state.last_seal, sealed_at=state.sealed_at, waiting=state.waiting, lag_s=state.lag_s,
        trouble=state.trouble,
    )  # fmt: skip


@strawberry.type
class Query:
    audit_records: AuditPage = strawberry.field(
        resolver=_records, description="审计记录，按条件筛选；限安全审计员，查看本身也记入审计。"
    )
    audit_state: AuditState = strawberry.field(resolver=_state, description="审计链的状况；限安全审计员。")


def audit_roots() -> Roots:
    return Roots(Query)


def _check_auditor(actor: Actor) -> None:
    require_role(actor, AUDITORS, "只有安全审计员可以查看审计")


async def _record(database: Any, line: Mapping[str, Any]) -> AuditRecord:
    lane, number = line["lane"], line["number"]
    subjects = (await read_subjects(database, database.dialect, lane, number, number)).get(number, [])
    same = ("at", "actor", "kind", "principal", "agent", "action", "entity", "row_id", "result")
    told = ("purpose", "case", "rule", "node", "session", "detail")
    return AuditRecord(
        id=strawberry.ID(f"{lane}:{number}"),
        fields=line["fields"].split(",") if line["fields"] else [],
        subjects=[strawberry.ID(person) for person in subjects],
        **{name: line[name] for name in (*same, *told)},
    )
