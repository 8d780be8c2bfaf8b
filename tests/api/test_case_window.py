"""Filing for somebody at the counter: the person's code or signature confirms the very application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.case_town import Hall, hall
from tests.cases.conftest import VILLAGE, Office

PHONE = "13895500001"
TABLES = ("works_report", "tb_case", "tb_case_step", "tb_idempotency")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def person(town: Hall, phone: str | None) -> str:
    async def make(office: Office) -> str:
        known = {"name": "张大爷", "sex": "1", "birth_date": "1950-01-01", "division": VILLAGE}
        return await office.create("core.person", **known, **({"phone": phone} if phone else {}))

    return town.run(make, town.office)


def application(applicant: str, note: str = "灯不亮", **more: Any) -> dict[str, Any]:
    values = {"kind": "lamp", "note": note}
    return {"service": "works.repair", "applicant": applicant, "values": values, **more}


def texted(town: Hall, phone: str) -> dict[str, str]:
    lines = (town.office.host.settings.data_dir / "outbox" / "sms.jsonl").read_text("utf-8").splitlines()
    found: list[dict[str, str]] = [json.loads(line) for line in lines]
    return [line for line in found if line["phone"].endswith(phone)][-1]


def test_a_code_confirms_the_very_application(town: Hall) -> None:
    applicant = person(town, PHONE)
    wanted = application(applicant)
    assert town.data("request_filing_code", "窗口", input=wanted)["validS"] > 0
    text = texted(town, PHONE)
    assert (text["template"], text["service"]) == ("filing_code", "市政设施报修")
    before = town.count(*TABLES)
    other = application(applicant, note="全部换新")
    assert town.problems("submit_case_at_window", "窗口", input=other, code=text["code"]) == [(["code"], "window.code")]
    assert town.problems("submit_case_at_window", "窗口", input=wanted, code="000000") == [(["code"], "window.code")]
    assert town.count(*TABLES) == before
    case = town.data("submit_case_at_window", "窗口", input=wanted, code=text["code"], key="w-1")
    assert (case["channel"], case["state"], case["title"]) == ("window", "new", "市政设施报修")
    after = town.count(*TABLES)
    # Repeated under its key: the same case. The code is good once.
    again = town.data("submit_case_at_window", "窗口", input=wanted, code=text["code"], key="w-1")
    assert again["number"] == case["number"]
    assert town.problems("submit_case_at_window", "窗口", input=wanted, code=text["code"]) == [
        (["code"], "window.code")
    ]
    assert town.count(*TABLES) == after
    ((reporter, filer),) = town.run(
        town.office.fetch, f"SELECT applicant, account FROM tb_case WHERE number = '{case['number']}'"
    )
    assert (str(reporter), filer) == (applicant, town.office["窗口"].id)
    lines = town.run(
        town.office.fetch, "SELECT actor, \"case\", detail FROM tb_audit WHERE action = 'submit_case_at_window'"
    )
    assert (town.office["窗口"].id, case["number"], "申请人手机短信确认") in lines


def test_without_a_phone_a_signed_paper_is_wanted(town: Hall) -> None:
    applicant = person(town, None)
    before = town.count(*TABLES)
    wanted = application(applicant)
    assert town.error("request_filing_code", "窗口", input=wanted) == ("INVALID_INPUT", "申请人没有登记手机号")
    assert town.error("submit_case_at_window", "窗口", input=wanted) == ("INVALID_INPUT", "没有这个凭证文件")
    assert town.count(*TABLES) == before
    answer = town.server.client.post(
        "/files", files={"file": ("signed.txt", "本人申请".encode())}, headers=town.server.headers(town.office["窗口"])
    )
    assert answer.status_code == 201, answer.text
    case = town.data("submit_case_at_window", "窗口", input=wanted, proof=answer.json()["id"])
    assert case["channel"] == "window"


def test_who_calls_has_said_it(town: Hall) -> None:
    applicant = person(town, None)
    called = application(applicant, channel="hotline")
    before = town.count(*TABLES)
    assert town.error("submit_case_at_window", "窗口", input=called) == ("PERMISSION_DENIED", "这个渠道不由您受理")
    # The item names no hotline; nobody of the hotline may look for residents here.
    assert town.error("submit_case_at_window", "话务员", input=called)[0] in ("INVALID_INPUT", "NOT_FOUND")
    assert town.count(*TABLES) == before


def test_a_counter_is_for_its_clerk_and_its_residents(town: Hall) -> None:
    applicant = person(town, "13895500002")
    before = town.count(*TABLES)
    for operation in ("request_filing_code", "submit_case_at_window"):
        for who in ("马大妈", "派遣员"):
            assert town.error(operation, who, input=application(applicant))[0] == "PERMISSION_DENIED"
        assert town.error(operation, "", input=application(applicant))[0] == "NOT_AUTHENTICATED"
        unknown = application("01890000-0000-7000-8000-00000000dead")
        assert town.error(operation, "窗口", input=unknown) == ("NOT_FOUND", "找不到这个人")
        assert town.error(operation, "外村窗口", input=application(applicant)) == ("NOT_FOUND", "找不到这个人")
        nowhere = application(applicant, channel="app")
        assert town.problems(operation, "窗口", input=nowhere) == [(["channel"], "window.channel")]
        wrong = {**application(applicant), "values": {"kind": "road"}}
        assert town.problems(operation, "窗口", input=wrong) == [(["values", "kind"], "enum.unknown")]
    assert town.count(*TABLES) == before
