"""一件事: a part that failed is tried anew; what becomes of the parts when the whole is withdrawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
    UnavailableError,
)

from core.cases import Case, bundles, filing
from core.forms.view import FormView, form_of
from core.manifest.cases import Service
from core.manifest.model import World
from tests.cases.conftest import COUNTY, Office
from tests.cases.test_bundles import born, do, office, parts, titles
from tests.cases.test_turns import now

__all__ = ["now", "office"]
OTHER_COUNTY = "640521000000"
#: What the leader gets: one that drains files nothing new, one that is off shows no cases.
OFF: tuple[tuple[str, Literal["draining", "off"], type[RequestError]], ...] = (
    ("bureau", "draining", UnavailableError), ("newborn", "off", NotFoundError),
)  # fmt: skip
TABLES = ("tb_case", "tb_case_step", "tb_task", "tb_idempotency", "bureau_paper")


async def leaders(office: Office) -> None:
    """Of the county, of another one, and the applicant herself in office."""
    await office.member("值班长", "duty_leader", COUNTY)
    await office.member("外县值班长", "duty_leader", OTHER_COUNTY)
    await office.member("马值班长", "duty_leader", COUNTY, person=office["马大妈"].person)


async def retry(office: Office, who: str, case: Case, part: str, version: int | None = None, key: str = "") -> Case:
    seen = (await office.cases.get(office["马大妈"], case.number)).version if version is None else version
    return await office.cases.retry_part(office[who], case.number, part, version=seen, key=key or None)


async def refused(office: Office, error: type[RequestError], who: str, case: Case, part: str, **more: int) -> None:
    before = await office.count(*TABLES)
    with pytest.raises(error):
        await retry(office, who, case, part, key="again", **more)
    assert await office.count(*TABLES) == before


async def failed(office: Office, who: str, case: Case) -> list[tuple[str, str, str | None]]:
    found = await office.cases.failed_parts(office[who], case.number)
    return [(part.id, part.title, part.number) for part in found]


async def test_staff_of_the_whole_try_a_part_anew(office: Office) -> None:
    await leaders(office)
    case = await do(office, await born(office), "certificate", "issue")
    case = await do(office, case, "hukou", "refuse", "不在本县落户")
    old = (await parts(office, case))["hukou"]
    # What waits for the failed one is not tried by itself.
    assert await failed(office, "值班长", case) == [("hukou", "户口登记", old.number)]
    assert await failed(office, "马值班长", case) == await failed(office, "马大妈", case) == []
    await refused(office, NotFoundError, "外县值班长", case, "hukou")
    await refused(office, NotFoundError, "办证员", case, "hukou")
    for who in ("马大妈", "马值班长"):
        await refused(office, PermissionDeniedError, who, case, "hukou")
    await refused(office, ConflictError, "值班长", case, "hukou", version=case.version - 1)
    for part in ("certificate", "vaccine", "card"):
        await refused(office, ConflictError, "值班长", case, part)
    await refused(office, NotFoundError, "值班长", case, "none")
    for plugin, state, error in OFF:
        await office.host.registry.set_state(plugin, state)
        await refused(office, error, "值班长", case, "hukou", version=case.version)
        await office.host.registry.set_state(plugin, "on")
    done = await retry(office, "值班长", case, "hukou", case.version, "again")
    assert (done.version, await retry(office, "值班长", case, "hukou", case.version, "again")) == (
        case.version + 1,
        done,
    )
    await refused(office, ConflictError, "值班长", done, "hukou")
    new = (await parts(office, case))["hukou"]
    assert (new.number != old.number, new.phase, new.parent) == (True, "open", case.id)
    case = await do(office, case, "hukou", "issue")
    assert {"card", "medicare"} <= set(await parts(office, case))
    assert (await titles(office, case)).count("子办件重新办理") == 1


async def test_a_part_that_could_not_be_filed_is_tried_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused again it says why, and leaves nothing."""
    await leaders(office)

    def worded(world: World, item: Service) -> FormView:
        form = form_of(world, item)
        return replace(form, consents={"truth": "别的话"}) if item.key == "bureau.certificate" else form

    with monkeypatch.context() as patch:
        for module in (bundles, filing):
            patch.setattr(module, "form_of", worded)
        case = await born(office)
        assert list(await parts(office, case)) == ["vaccine"]
        assert await failed(office, "值班长", case) == [("certificate", "出生医学证明", None)]
        await refused(office, InvalidInputError, "值班长", case, "certificate")
        await refused(office, ConflictError, "值班长", case, "hukou")
    await retry(office, "值班长", case, "certificate")
    assert await failed(office, "值班长", case) == []
    case = await do(office, case, "certificate", "issue")
    assert list(await parts(office, case)) == ["vaccine", "certificate", "hukou"]


async def test_parts_follow_a_whole_that_is_withdrawn(office: Office) -> None:
    await leaders(office)
    ends = []
    for claims, corrects in ((("certificate",), False), (("vaccine",), True), (("vaccine",), False)):
        case = await born(office)
        for part in claims:
            task = await office.task("办证员", (await parts(office, case))[part])
            await office.cases.claim(office["办证员"], task.id)
        if corrects:
            case = await do(office, case, "certificate", "correct", "姓名用字不在字库")
        await office.act("马大妈", case, "withdraw")
        await office.cases.firing.run_all()
        ends.append({id: (part.phase, part.state) for id, part in (await parts(office, case)).items()})
    assert ends == [
        # Begun, and not to be withdrawn there: it goes on. Not begun: withdrawn, though its workflow knows no way.
        {"certificate": ("open", "new"), "vaccine": ("withdrawn", "new")},
        # As the applicant may; and not begun, into the state for it.
        {"certificate": ("withdrawn", "withdrawn"), "vaccine": ("open", "new")},
        {"certificate": ("withdrawn", "withdrawn"), "vaccine": ("open", "new")},
    ]
    assert await office.fetch("SELECT DISTINCT kind FROM tb_timer WHERE kind IN ('bundle', 'withdraw_part')") == []
    last = (await titles(office, (await parts(office, case))["vaccine"]))[-1]
    assert last == "一件事已撤回，这一件继续办理"
    # Nothing more comes of it, and what goes on ends by itself.
    await do(office, case, "vaccine", "issue")
    assert list(await parts(office, case)) == ["certificate", "vaccine"]
    assert (await parts(office, case))["vaccine"].outcome == "done"
    await refused(office, ConflictError, "值班长", case, "certificate")
