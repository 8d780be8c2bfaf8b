"""States with several tasks side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, PermissionDeniedError

from core.cases import Case
from tests.cases.conftest import VILLAGE, Office, opened
from tests.cases.folders import JOINT, SERVICE


async def _begin(office: Office, join: str) -> Case:
    """Three of one crew, each with a part of his own."""
    case = await office.report(service=join, kind="tree")
    for name, part in (("甲", "a"), ("丁", "b"), ("戊", "c")):
        if name not in office.people:
            await office.member(name, "works_crew", VILLAGE)
        task = next(t for t in await office.cases.tasks(office["马大妈"], case.number) if t.part == part)
        await office.cases.claim(office[name], task.id)
    return case


async def test_any_one_is_enough(office: Office) -> None:
    case = await office.act("丁", await _begin(office, "any"), "agree")
    assert case.phase == "done"
    assert sorted(await office.fetch("SELECT part, status FROM tb_task")) == [
        ("a", "cancelled"), ("b", "done"), ("c", "cancelled"),
    ]  # fmt: skip


async def test_all_must_agree_and_one_refusal_is_enough(office: Office) -> None:
    case = await _begin(office, "all")
    for name in ("甲", "丁"):
        assert (await office.act(name, case, "agree")).state == "joint"
    assert (await office.act("戊", case, "agree")).state == "agreed"
    case = await _begin(office, "all")
    assert (await office.act("甲", case, "refuse", "图纸不全")).state == "refused"


async def test_a_quorum_of_two(office: Office) -> None:
    case = await _begin(office, "quorum")
    assert (await office.act("甲", case, "agree")).state == "joint"
    assert (await office.act("戊", case, "agree")).state == "agreed"


@pytest.mark.parametrize(
    ("votes", "state"),
    [
        (("agree", "agree"), "agreed"),
        (("agree", "refuse", "agree"), "agreed"),
        (("refuse", "agree", "refuse"), "refused"),
        (("refuse", "refuse"), "refused"),
    ],
)
async def test_the_majority_decides_as_soon_as_it_stands(office: Office, votes: tuple[str, ...], state: str) -> None:
    case = await _begin(office, "vote")
    for name, vote in zip(("甲", "丁", "戊"), votes, strict=False):
        assert case.state == "joint"
        now = await office.cases.get(office[name], case.number)
        case = await office.cases.vote(
            office[name], case.number, vote == "agree", version=now.version, reason="我的意见"
        )
    assert case.state == state


async def test_a_tie_is_against(office: Office) -> None:
    case = await office.report(service="pair", kind="tree")
    await office.member("丁", "works_crew", VILLAGE)
    assert (await office.act("甲", case, "agree")).state == "joint"
    assert (await office.act("丁", case, "refuse", "图纸不全")).state == "refused"


async def test_a_part_is_done_once(office: Office) -> None:
    case = await _begin(office, "all")
    case = await office.act("甲", case, "agree")
    with pytest.raises(PermissionDeniedError):
        await office.act("甲", case, "agree")
    with pytest.raises(ConflictError, match="不表决"):
        await office.cases.vote(office["丁"], case.number, True, version=case.version)


async def test_nobody_has_two_voices(office: Office) -> None:
    case = await office.report(service="vote", kind="tree")
    first, second, _ = await office.cases.tasks(office["马大妈"], case.number)
    await office.cases.claim(office["甲"], first.id)
    with pytest.raises(PermissionDeniedError):
        await office.cases.claim(office["甲"], second.id)
    case = await office.act("甲", case, "agree")
    with pytest.raises(PermissionDeniedError):
        await office.act("甲", case, "agree")
    assert sorted(await office.fetch("SELECT status FROM tb_task")) == [("done",), ("open",), ("open",)]


async def test_a_part_handed_on_counts_once(office: Office) -> None:
    case = await _begin(office, "all")
    await office.member("己", "works_crew", VILLAGE)
    task = await office.task("甲", case, "a")
    await office.cases.transfer(office["甲"], task.id, str(office["己"].staff), "出差")
    for name in ("己", "丁"):
        assert (await office.act(name, case, "agree")).state == "joint"
    assert (await office.act("戊", case, "agree")).state == "agreed"


@pytest.mark.parametrize("has_voted", [True, False])
async def test_nobody_is_handed_a_second_voice(office: Office, has_voted: bool) -> None:
    case = await _begin(office, "vote")
    if has_voted:
        await office.act("丁", case, "agree")
    task, before = await office.task("甲", case, "a"), await office.count("tb_task", "tb_case_step")
    with pytest.raises(InvalidInputError) as refused:
        await office.cases.transfer(office["甲"], task.id, str(office["丁"].staff).upper(), "出差")
    assert [problem.message for problem in refused.value.problems] == ["这位同事在这一环节已有一票"]
    assert await office.count("tb_task", "tb_case_step") == before
    assert (await office.task("甲", case, "a")).assignee == office["甲"].staff


async def test_a_vote_to_return_counts_once(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many voices it had."""
    more = """
  desk: {title: 待补, roles: [works_chief]}
  ruling: {title: 待裁定, roles: [works_chief]}
actions:
  again: {title: 再议, from: [desk], to: joint, roles: [works_chief]}
  anew: {title: 重议, from: [joint], to: joint, roles: [assignee], kind: return, times_max: 1, over: ruling}
  rule: {title: 裁定, from: [ruling], to: agreed, roles: [works_chief], kind: arbitrate}
  back: {title: 退回, from: [joint], to: desk, roles: [assignee], kind: return, times_max: 1, over: ruling}"""
    panel = JOINT.format(id="panel", join="vote").replace("\nactions:", more)
    panel = panel.replace("start: joint", "start: joint\narbiter: works_chief")
    texts = {"workflows__panel": panel, "services__panel": SERVICE.format(id="panel", title="评审", workflow="panel")}
    async with opened(database_place, tmp_path, monkeypatch, **texts) as office:
        await office.citizen("马大妈")
        for name in ("甲", "丁", "戊"):
            await office.member(name, "works_crew", VILLAGE)
        case = await office.report(service="panel", kind="tree")
        await office.member("负责人", "works_chief")
        for votes, state in ((("back", "agree", "back"), "desk"), (("agree", "back", "back"), "ruling")):
            for name, vote in zip(("甲", "丁", "戊"), votes, strict=True):
                case = await office.act(name, case, vote, "不清楚")
            assert case.state == state
            if state == "desk":
                case = await office.act("负责人", case, "again")
        await _vote_anew(office)


async def _vote_anew(office: Office) -> None:
    """A vote that leads back into its own state begins a new round: who was for it before says so again."""
    case = await office.report(service="panel", kind="tree")
    for name, vote in (("甲", "agree"), ("丁", "anew"), ("戊", "anew"), ("甲", "agree")):
        assert (await office.act(name, case, vote, "不清楚")).state == "joint"
    assert (await office.act("丁", case, "agree")).state == "agreed"
