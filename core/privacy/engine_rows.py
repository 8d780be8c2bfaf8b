"""What the host's own tables hold about a person, beside the rows of entities: what she was told, filed, began, got."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.fields.column import Table
from core.store.booking_tables import BOOKING
from core.store.case_tables import CASE, DRAFT
from core.store.connector_tables import CONNECTOR_CALL
from core.store.database import Database
from core.store.dialect import quote
from core.store.document_tables import DOCUMENT
from core.store.message_tables import MESSAGE
from core.store.payment_tables import BILL, PAYMENT
from core.store.statement import load_row, statement

#: Columns that name the application.
_OWNERS = ("plugin_id", "service")


@dataclass(frozen=True, slots=True)
class EngineRows:
    """One table. Nothing sealed is shown: what people wrote lies in the rows of entities, which are shown whole."""

    id: str
    title: str
    table: Table
    #: Column that names the person, and those that say when a row came and when it changed.
    person: str
    made_at: str
    changed_at: str
    #: Column → its title.
    shown: Mapping[str, str]
    #: Why it is kept, and for how long.
    kept: str

    async def of(
        self, database: Database, person: str, plugins: Collection[str] | None, limit: int
    ) -> list[Mapping[str, Any]]:
        """The newest first; of these plugins alone (None: all)."""
        owner = next((name for name in _OWNERS if name in self.table.by_name), None)
        if owner is None and plugins is not None:
            # Of several applications at once, or of none.
            return []
        names = tuple(dict.fromkeys(("id", *filter(None, [owner]), self.made_at, self.changed_at, *self.shown)))
        who = f"{self.person} = {{person:{self.person}}}"
        text = (
            f"SELECT {', '.join(map(quote, names))} FROM {self.table.name} WHERE {who} "
            f"ORDER BY {self.made_at} DESC, id DESC LIMIT {int(limit)}"
        )
        found = await database.fetch(*statement(database.dialect, self.table, text, person=person))
        rows = [load_row(database.dialect, self.table, names, row) for row in found]
        return [row for row in rows if plugins is None or str(row[owner or ""]).partition(".")[0] in plugins]


ENGINE_ROWS = (
    EngineRows(
        "engine.case", "办件", CASE, "applicant", "filed_at", "updated_at",
        {"number": "办件编号", "service": "事项", "channel": "渠道", "phase": "办理情况", "filed_at": "申请时间",
         "due_at": "期限", "closed_at": "结束时间"},
        "依法履职的记录，随申请的内容保存",
    ),
    EngineRows(
        "engine.document", "出具的文书", DOCUMENT, "holder", "made_at", "made_at",
        {"number": "编号", "title": "名称", "unit": "出具单位", "issued_on": "出具日期", "valid_to": "有效期至",
         "status": "状态"},
        "有人持文书核验时要能核对，长期保存",
    ),
    EngineRows(
        "engine.message", "收到的消息", MESSAGE, "person", "sent_at", "sent_at",
        {"title": "标题", "text": "内容", "case_number": "办件编号", "sent_at": "发出时间", "read_at": "读过的时间"},
        "证明已经告知，发出五年后删除",
    ),
    EngineRows(
        "engine.call", "发给外部系统的", CONNECTOR_CALL, "person", "created_at", "at",
        {"connector": "连接器", "operation": "操作", "case_number": "办件编号", "state": "情况",
         "created_at": "发出时间"},
        "发出的内容在对方答复后删除，记录在结束 180 天后删除",
    ),
    EngineRows(
        "engine.bill", "账单", BILL, "person", "opened_at", "opened_at",
        {"number": "账单号", "title": "收费", "period": "账期", "amount_fen": "应缴（分）", "paid_fen": "已缴（分）",
         "state": "状态", "due_at": "缴费期限", "opened_at": "出账时间"},
        "会计档案，依法保存，不因注销而删除",
    ),
    EngineRows(
        "engine.payment", "缴费", PAYMENT, "person", "ordered_at", "ordered_at",
        {"number": "订单号", "amount_fen": "金额（分）", "refunded_fen": "已退（分）", "state": "状态",
         "ordered_at": "下单时间", "paid_at": "缴费时间", "receipt": "电子票据号"},
        "会计档案，依法保存，不因注销而删除",
    ),
    EngineRows(
        "engine.booking", "预约", BOOKING, "person", "held_at", "held_at",
        {"number": "预约号", "kind": "预约", "quantity": "数量", "state": "状态", "held_at": "占位时间",
         "confirmed_at": "确认时间", "ended_at": "结束时间", "case_number": "办件编号"},
        "用于安排服务和统计爽约，结束三年后删除",
    ),
    EngineRows(
        "engine.draft", "没有提交的草稿", DRAFT, "person", "updated_at", "updated_at",
        {"service": "事项", "updated_at": "最近修改"},
        "三十天没有动过就删除，自己随时可以删",
    ),
)  # fmt: skip
