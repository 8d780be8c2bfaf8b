"""Root field of the yearly report on data about children."""

from __future__ import annotations

from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from core.api.audit_roots import AUDITORS
from core.api.compose import Roots
from core.audit import Entry
from core.identity.required import require_role


async def _report(info: strawberry.Info, year: int) -> JSON:
    host, actor = info.context.host, info.context.actor
    require_role(actor, AUDITORS, "只有安全审计员可以查看未成年人信息保护年度报告")
    report: Any = await host.privacy.minors_report.make(year)
    await host.audit.record(Entry(actor=actor, action="minors_report", detail=str(year)))
    return cast(JSON, report)


@strawberry.type
class Query:
    minors_report: JSON = strawberry.field(
        resolver=_report,
        description="未成年人个人信息保护年度审计的数据：目的、人数、读取、同意、删除、导出和异常。"
        "只有计数，不足 5 人的不显示；限安全审计员。",
    )


ROOTS = Roots(Query)
