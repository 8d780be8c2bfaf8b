"""A case from its first state to its end."""

from __future__ import annotations

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from core.cases.timing import colour
from tests.cases.conftest import Office


async def test_a_case_lives_from_filing_to_its_end(office: Office) -> None:
    case = await office.report()
    assert (case.state, case.phase, case.number[:8], case.version) == ("new", "open", "WK640522", 1)
    assert case.limit == [3, "WD", "CN", ""]
    assert case.due_at is not None
    case = await office.act("派遣员", case, "assign")
    task = await office.task("派遣员", case)
    assert (case.state, task.assignee, task.status) == ("working", office["甲"].staff, "open")
    case = await office.act("甲", case, "finish", result="换了新盖")
    case = await office.act("负责人", case, "pass")
    assert (case.state, case.phase, case.outcome) == ("closed", "done", "done")
    assert await office.count("tb_timer") == [0]
    rows = await office.fetch("SELECT state, result, finished_at FROM works_report")
    assert rows[0][:2] == ("closed", "换了新盖")
    assert rows[0][2] is not None
    records = await office.fetch("SELECT outcome, is_on_time, returns FROM tb_case_record")
    assert records in ([("done", True, 0)], [("done", 1, 0)])
    trail = await office.cases.trail(office["派遣员"], case.number)
    assert [entry.action for entry in trail] == ["submit", "assign", "finish", "pass"]
    assert [entry.state for entry in trail] == ["待派", "处理中", "待核查", "已办结"]
