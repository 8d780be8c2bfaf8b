"""What statistics over cases may name: the record of one case (办件库), codes and times without anybody's name."""

from __future__ import annotations

from typing import Any

from core.fields import make_field
from core.manifest.cases import NOWHERE
from core.manifest.model import Entity

_FIELDS: dict[str, dict[str, Any]] = {
    "number": {"type": "string", "title": "办件编号"},
    "service": {"type": "string", "title": "事项"},
    "task_code": {"type": "string", "title": "实施编码"},
    "plugin_id": {"type": "string", "title": "应用"},
    "channel": {"type": "string", "title": "渠道"},
    "filed_at": {"type": "datetime", "title": "申请时间", "required": True},
    "closed_at": {"type": "datetime", "title": "办结时间"},
    "outcome": {"type": "string", "title": "结果"},
    "is_on_time": {"type": "boolean", "title": "按期"},
    "returns": {"type": "integer", "title": "退回次数"},
    "paused_s": {"type": "integer", "title": "挂起秒数"},
    "stars": {"type": "integer", "title": "评分"},
    "hours": {"type": "decimal", "title": "办理小时数，不含挂起", "precision": 12, "scale": 2},
    "working_hours": {"type": "decimal", "title": "办理的工作小时数，不含挂起", "precision": 12, "scale": 2},
    "first_reply_hours": {"type": "decimal", "title": "首次答复小时数", "precision": 12, "scale": 2},
}
#: What changes while a case runs lies with the case itself (tb_case).
_RUNNING: dict[str, dict[str, Any]] = {
    "state": {"type": "string", "title": "状态"},
    "phase": {"type": "string", "title": "阶段"},
    "grid": {"type": "grid", "title": "网格"},
    "urgency": {"type": "integer", "title": "紧急程度"},
    "due_at": {"type": "datetime", "title": "办结期限"},
    "yellow_at": {"type": "datetime", "title": "转黄时间"},
}
RUNNING_NAMES = frozenset(_RUNNING)
#: What groups of cases may be named by.
GROUP_NAMES = frozenset({"service", "channel", "outcome", "org", "division", "grid", "state", "phase", "stars"})
#: What an indicator writes to count cases of its own plugin.
CASES = "cases"
#: Its table is tb_case_record (core.store.case_tables) beside tb_case, so that expressions over it become SQL like any
#: others.
CASE_RECORD = Entity(
    plugin_id="tb",
    name="case_record",
    title="办件库",
    description="",
    fields={name: make_field(name, spec) for name, spec in {**_FIELDS, **_RUNNING}.items()},
    indexes=(),
    unique=(),
    history=False,
    display="number",
    place=NOWHERE,
)
#: Its columns: of the system fields a record has these three.
RECORD_NAMES = frozenset({"id", "division", "org", *CASE_RECORD.fields})
