"""CSV files for spreadsheets: what the caller sees, no formulas, no L4, and the way back in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, PermissionDeniedError, TooLargeError

from core.api.compose import Composer
from core.exchange.exporting import Sources, export_csv
from core.exchange.formula import neutral, original
from core.read import Reader
from tests.exchange.conftest import CLERK, READER, WORLD, Office, actor, places

ID1 = "640522200201159984"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "'=1", "''@x", "' =1", '=HYPERLINK("http://x")']


async def put(office: Office, *fields: str, who: Actor = CLERK, **more: Any) -> tuple[int, list[list[str]]]:
    reader = Reader(WORLD, office.access, office.vault, office.audit)
    reader.use((await Composer()(WORLD, {}))._schema, office.database.dialect)
    sources = Sources(office.database, WORLD, office.access, reader)
    place = office.folder / "out.csv"
    with place.open("wb") as made:
        count = await export_csv(sources, who, WORLD.entities["test.person"], made, fields=fields, **more)
    return count, table(place)


def table(place: Path) -> list[list[str]]:
    content = place.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)))


@given(st.text(max_size=20))
def test_neutral_text_is_no_formula_and_finds_back(text: str) -> None:
    assert neutral(text)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠") or not text
    assert original(neutral(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
async def test_a_formula_is_kept_as_text_and_leaves_as_text(office: Office, text: str) -> None:
    quoted = neutral(text).replace('"', '""')
    assert places(await office.take(f'姓名,备注\n甲,"{quoted}"\n')) == []
    assert await office.rows("note") == [(text,)]
    assert (await put(office, "note"))[1] == [["备注"], [neutral(text)]]


async def test_a_raw_formula_is_stored_as_it_stands(office: Office) -> None:
    await office.take("姓名,备注\n甲,=1+1\n")
    assert await office.rows("note") == [("=1+1",)]


async def test_what_goes_out_comes_back_unchanged(office: Office) -> None:
    await office.take("编码,名称\nmz,民政局\n", entity="test.unit")
    head = "证件号,姓名,单位,类别,状态,出生日期,登记时间,本地,房间数,费用,标签,位置,备注\n"
    await office.take(
        head + f'{ID1},马小满,mz,学校,注销,2002-01-15,2026-11-22 08:30,是,-0,12.5,甲；乙,"105.5,36.5","=一\n二"\n'
    )
    names = ("name", "unit", "kind", "state", "born", "seenAt", "isLocal", "rooms", "fee", "tags", "at", "note")
    count, rows = await put(office, *names)
    assert count == 1
    assert rows[1] == [
        "马小满", "mz", "学校", "注销", "2002-01-15", "2026-11-22T00:30:00.000Z", "是", "0", "12.50", "甲；乙",
        "105.5,36.5", "'=一\n二",
    ]  # fmt: skip
    again = await office.take((office.folder / "out.csv").read_bytes(), key=["name", "born"])
    assert (places(again), again.unchanged, again.updated, again.created) == ([], 1, 0, 0)


async def test_masks_leave_as_masks_and_do_not_come_back(office: Office) -> None:
    await office.take(f"姓名,证件号\n马小满,{ID1}\n")
    _, rows = await put(office, "name", "idno", who=READER)
    assert rows == [["姓名", "证件号"], ["马**", "640522********9984"]]
    report = await office.take((office.folder / "out.csv").read_bytes(), key=["idno"])
    assert places(report) == ["2:1 import.masked", "2:2 import.masked"]
    assert await office.rows("version") == [(1,)]


async def test_level_4_never_leaves_this_way(office: Office) -> None:
    await office.take("姓名,病史\n马小满,高血压\n")
    with pytest.raises(PermissionDeniedError, match="病史"):
        await put(office, "name", "secret")
    _, rows = await put(office)
    assert "病史" not in rows[0]
    assert "高血压" not in str(rows)


@pytest.mark.parametrize(("who", "fields"), [(CLERK, ["nothing"]), (CLERK, ["name) { id }"])])
async def test_fields_that_are_not_there(office: Office, who: Actor, fields: Sequence[str]) -> None:
    with pytest.raises(InvalidInputError):
        await put(office, *fields, who=who)


async def test_who_sees_nothing_gets_nothing(office: Office) -> None:
    with pytest.raises(PermissionDeniedError):
        await put(office, who=actor("nobody"))


async def test_more_than_one_page_and_a_limit(office: Office) -> None:
    await office.take("姓名\n" + "".join(f"某{number}\n" for number in range(150)))
    count, rows = await put(office, "name")
    assert (count, len(rows)) == (150, 151)
    assert (await put(office, "name", where={"name": {"eq": "某7"}}))[0] == 1
    with pytest.raises(TooLargeError):
        await put(office, "name", max_rows=149)
