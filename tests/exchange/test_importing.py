"""CSV files as people make them: every way to write a row, every way to get it wrong; all of it or nothing."""

from __future__ import annotations

import tracemalloc

import pytest
from tongban_sdk.changes import Change
from tongban_sdk.errors import InputProblem, InvalidInputError, PermissionDeniedError, TooLargeError

from core.exchange.faults import FAULTS_MAX, Faults
from core.exchange.reading import Source, read_rows
from tests.exchange.conftest import LOCAL, MENDER, READER, WORLD, Office, places

ID1, ID2, BAD = "640522200201159984", "642222194303129986", "642222194303129987"
ALIKE = "姓名,类别,备注\n马小满,居民,一行\n李四,20,两行\n"


async def test_every_kind_of_value(office: Office) -> None:
    await office.take("编码,名称\nmz,民政局\n", entity="test.unit")
    head = "证件号,姓名,单位,类别,状态,出生日期,登记时间,本地,房间数,费用,标签,位置,病史\n"
    text = (
        f'{ID1},马小满,mz,学校,注销,2002/1/15,2026-11-22 08:30,是,3,12.5,甲；乙,"105.5,36.5",高血压\n'
        f'{ID2},李四,,10,on,1943-03-12,2026-11-22T08:30:00Z,false,0,0,["a"],,\n'
    )
    report = await office.take(head + text)
    assert places(report) == []
    assert (report.rows, report.created, report.updated, report.unchanged) == (2, 2, 0, 0)
    assert report.is_written
    rows = await office.rows("name, kind, state, rooms, at_lng7, at_lat7, number")
    assert rows == [
        ("马小满", "21", "off", 3, 1055000000, 365000000, "NO000001"),
        ("李四", "10", "on", 0, None, None, "NO000002"),
    ]
    ((unit, secret), _) = await office.rows("unit_id, secret")
    assert str(unit) == str((await office.rows("id", "test_unit"))[0][0])
    assert secret.startswith("tb1.")


@pytest.mark.parametrize(
    "content",
    [
        ALIKE.encode(),
        b"\xef\xbb\xbf" + ALIKE.encode(),
        ALIKE.encode("gb18030"),
        ALIKE.replace("\n", "\r\n").encode(),
        ALIKE.replace("\n", "\r").encode("gb18030"),
        ALIKE.replace("\n", "\r\n", 1).encode(),
        ALIKE.rstrip("\n").encode(),
        ALIKE.replace("\n", "\n\n").encode(),
        ALIKE.replace("姓名,类别,备注", "name,kind,note").encode(),
        ALIKE.replace("马小满", '"马小满"').encode(),
    ],
)
async def test_encodings_and_line_ends_make_no_difference(office: Office, content: bytes) -> None:
    report = await office.take(content)
    assert places(report) == []
    assert await office.rows("name, kind, note") == [("马小满", "10", "一行"), ("李四", "20", "两行")]


async def test_a_line_end_inside_quotes_is_part_of_the_value(office: Office) -> None:
    report = await office.take('姓名,备注,房间数\n马小满,"一\n二",1\n李四,三,x\n')
    assert places(report) == ["4:3 integer.type"]
    report = await office.take('姓名,备注\n马小满,"一\n""二"""\n')
    assert await office.rows("note") == [('一\n"二"',)]


BROKEN: list[tuple[str, str | bytes, list[str]]] = [
    ("empty", "", ["1:0 csv.empty"]),
    ("truncated quote", '姓名,备注\n甲,一\n乙,"二\n丙,三\n', ["3:0 csv.quote"]),
    ("text after a quote", '姓名,备注\n甲,"一"二\n', ["2:0 csv.syntax"]),
    ("doubled column", "姓名,name\n甲,乙\n", ["1:2 import.column-double"]),
    ("unknown columns", "姓名,电话,\n甲,1,2\n", ["1:2 import.column-unknown", "1:3 import.column-unknown"]),
    ("another separator", "姓名;备注\n甲;一\n", ["1:1 import.column-unknown", "1:0 import.column-missing"]),
    ("columns of the host", "姓名,编号,创建时间\n甲,1,2\n", ["1:2 import.column-closed", "1:3 import.column-closed"]),
    ("a column that must be there", "备注\n一\n", ["1:0 import.column-missing"]),
    ("too many and too few cells", "姓名,备注\n甲\n乙,二,三\n", ["2:0 csv.row", "3:0 csv.row"]),
    ("NUL", "姓名,备注\n甲,一\x00\n", ["2:2 text.nul"]),
    ("control character", "姓名,备注\n甲\x07,一\n", ["2:1 string.control"]),
    ("a byte that is no UTF-8", "姓名,备注\n马小满马小满,一\n".encode() + b"\xff\xff,x\n", ["3:0 csv.encoding"]),
    ("no encoding at all", "姓名\n".encode("gb18030") + b"\xff\xff\n\x80\n", ["2:0 csv.encoding", "3:0 csv.encoding"]),
    ("UTF-16", ALIKE.encode("utf-16"), ["1:0 csv.encoding"]),
    ("a mask", "姓名,证件号\n马**,640522********9984\n", ["2:1 import.masked", "2:2 import.masked"]),
    ("wrong values", f"姓名,证件号,类别\n甲,{BAD},外星\n,{ID1},10\n",
     ["2:2 idno.checksum", "2:3 code.unknown", "3:1 input.required"]),
    ("a unit that is not there", "姓名,单位\n甲,nowhere\n", ["2:2 ref.not-found"]),
    ("twice in the file", f"姓名,证件号\n甲,{ID1}\n乙,{ID1}\n", ["3:2 import.taken"]),
    ("twice, of two columns", "姓名,出生日期\n甲,2000-01-01\n甲,2000/1/1\n", ["3:0 import.taken"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), [pytest.param(c, e, id=name) for name, c, e in BROKEN])
async def test_what_is_wrong_is_told_by_line_and_column_and_nothing_is_written(
    office: Office, content: str | bytes, expected: list[str]
) -> None:
    before = await office.counts()
    report = await office.take(content)
    assert places(report) == expected
    assert (report.is_written, report.created) == (False, 0)
    assert await office.counts() == before
    assert all(BAD not in str(fault) for fault in report.faults)


async def test_a_value_another_row_has(office: Office) -> None:
    await office.take(f"姓名,证件号\n甲,{ID1}\n")
    before = await office.counts()
    report = await office.take(f"姓名,证件号\n乙,{ID2}\n丙,{ID1}\n")
    assert places(report) == ["3:2 import.taken"]
    assert await office.counts() == before


async def test_the_thousand_first_fault_is_counted(office: Office) -> None:
    report = await office.take("姓名,房间数\n" + "甲,x\n" * (FAULTS_MAX + 5))
    assert (len(report.faults), report.more_faults) == (FAULTS_MAX, 5)
    assert await office.rows("id") == []


async def test_the_same_file_twice_changes_nothing(office: Office) -> None:
    text = f"证件号,姓名,标签,房间数\n{ID1},甲,a；b,1\n{ID2},乙,,2\n"
    assert (await office.take(text, key=["idno"])).created == 2
    before = await office.counts()
    again = await office.take(text, key=["idno"])
    assert (again.created, again.updated, again.unchanged, again.is_written) == (0, 0, 2, True)
    assert await office.counts() == before
    changed = await office.take(text.replace("乙,,2", "乙,,3"), key=["idno"])
    assert (changed.created, changed.updated, changed.unchanged) == (0, 1, 1)
    assert await office.rows("name, rooms, version") == [("甲", 1, 1), ("乙", 3, 2)]


async def test_an_empty_cell_leaves_what_is_there(office: Office) -> None:
    await office.take(f"证件号,姓名,房间数\n{ID1},甲,7\n", key=["idno"])
    report = await office.take(f"证件号,房间数\n{ID1},\n", key=["idno"])
    assert report.unchanged == 1
    assert await office.rows("rooms") == [(7,)]


async def test_a_key_that_names_no_row(office: Office) -> None:
    for key in (["note"], ["idno", "name"], ["nothing"]):
        with pytest.raises(InvalidInputError):
            await office.take(ALIKE, key=key)


async def test_a_check_says_what_would_be_and_writes_nothing(office: Office) -> None:
    before = await office.counts()
    report = await office.take(ALIKE, check=True)
    assert (report.created, report.is_written, report.faults) == (2, False, [])
    assert await office.counts() == before


async def test_children_may_stand_below_their_parents_in_one_file(office: Office) -> None:
    text = "code,name,parent\na,甲,\nb,乙,a\nc,丙,b\n"
    assert places(await office.take(text, entity="test.unit")) == []
    assert await office.rows("path", "test_unit") == [("/a/",), ("/a/b/",), ("/a/b/c/",)]
    report = await office.take("code,name,parent\nx,甲,y\ny,乙,\n", entity="test.unit")
    assert places(report) == ["2:3 ref.not-found"]


async def test_every_row_leaves_history_event_and_audit_line(office: Office) -> None:
    await office.take(ALIKE)
    # persons, units, history, outbox, audit, counters
    assert await office.counts() == [2, 0, 2, 2, 2, 1]
    assert await office.rows("action, entity, actor", "(SELECT *, at AS created_at, number AS id FROM tb_audit) a") == [
        ("create", "test.person", "u1"),
        ("create", "test.person", "u1"),
    ]


async def test_who_may_not_create_reads_no_file(office: Office) -> None:
    with pytest.raises(PermissionDeniedError):
        await office.take(ALIKE, who=READER)


async def test_who_may_only_update_needs_a_key_and_creates_nothing(office: Office) -> None:
    await office.take(f"姓名,证件号,房间数\n甲,{ID1},1\n")
    with pytest.raises(PermissionDeniedError):
        await office.take(ALIKE, who=MENDER)
    changed = await office.take(f"证件号,房间数\n{ID1},2\n", who=MENDER, key=["证件号"])
    assert (changed.updated, changed.is_written) == (1, True)
    report = await office.take(f"证件号,房间数,姓名\n{ID1},3,甲\n{ID2},3,乙\n", who=MENDER, key=["idno"])
    assert (places(report), report.is_written) == (["3:0 import.denied"], False)
    assert await office.rows("name, rooms") == [("甲", 2)]


async def test_rows_beyond_the_rights_are_named_and_nothing_is_written(office: Office) -> None:
    text = "姓名,区划\n甲,640522100203\n乙,630102001001\n丙,640522100204\n丁,630102001002\n"
    report = await office.take(text, who=LOCAL)
    assert places(report) == ["3:0 import.denied", "5:0 import.denied"]
    assert await office.rows("id") == []


async def test_a_file_tells_nothing_of_values_its_importer_does_not_see(office: Office) -> None:
    await office.take(f"姓名,证件号,病史\n甲,{ID1},糖尿病\n")
    for column, right, wrong in (("病史", "糖尿病", "高血压"), ("姓名", "甲", "乙")):
        for guess in (right, wrong):
            report = await office.take(f"证件号,{column}\n{ID1},{guess}\n", who=MENDER, key=["idno"], check=True)
            assert (report.updated, report.unchanged, places(report)) == (1, 0, []), guess
    # What is equal is not written, whatever is said of it.
    await office.take(f"证件号,姓名,病史\n{ID1},甲,糖尿病\n", who=MENDER, key=["idno"])
    assert await office.rows("name, version") == [("甲", 1)]
    seen = await office.take(f"证件号,姓名\n{ID1},甲\n", key=["idno"], check=True)
    assert (seen.updated, seen.unchanged) == (0, 1)


async def test_a_hidden_row_is_taken_but_not_updated(office: Office) -> None:
    await office.take(f"姓名,证件号,区划\n甲,{ID1},630102001001\n")
    report = await office.take(f"姓名,证件号\n乙,{ID1}\n", who=LOCAL, key=["idno"])
    assert places(report) == ["2:2 import.taken"]
    assert await office.rows("name") == [("甲",)]


async def test_what_the_pipeline_refuses_at_last_undoes_all(office: Office) -> None:
    async def refuse(change: Change) -> None:
        if change.after.get("name") == "李四":
            raise InvalidInputError("不行", [InputProblem(("input", "note"), "不收", "town.closed")])

    report = await office.take(ALIKE, refuse=refuse)
    assert places(report) == ["3:3 town.closed"]
    assert await office.counts() == [0] * 6


async def test_too_many_bytes_or_rows(office: Office) -> None:
    with pytest.raises(TooLargeError, match="MiB"):
        await office.take("姓名\n" + "甲" * 1000, max_bytes=1000)
    with pytest.raises(TooLargeError, match="2 行"):
        await office.take("姓名\n甲\n乙\n丙\n", max_rows=2)
    assert await office.rows("id") == []


async def test_a_hundred_megabytes_are_read_in_little_memory(office: Office) -> None:
    row = "甲," + "x" * 99_990 + "\n"
    path = office.file("姓名,备注\n" + row * 1049 + "乙,\x00\n")
    assert path.stat().st_size > 100 * 1024 * 1024
    faults = Faults()
    tracemalloc.start()
    source = Source(path, WORLD.entities["test.person"], WORLD, (), 200 << 20)
    rows = sum(1 for _ in read_rows(source, faults))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (rows, [str(f.line) for f in faults.listed]) == (1049, ["1051"])
    assert peak < 16 * 1024 * 1024
    with pytest.raises(TooLargeError):
        list(read_rows(Source(path, WORLD.entities["test.person"], WORLD, (), 50 << 20), faults))
