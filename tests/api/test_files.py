import errno
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import Actor

from core.api.content import clean_name, sniff
from tests.api.servers import ADMIN, RESIDENT, STAFF, Server, running

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
MAX = 100_000
HEAD = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
FORM = "multipart/form-data; boundary=b"
COUNT = "{coreFiles{totalCount}}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("files"), file_max_bytes=MAX) as server:
        yield server


def send(
    server: Server, content: bytes, actor: Actor | None = STAFF, name: str = "照片.png", part: str = "file"
) -> Any:
    return server.client.post("/files", files={part: (name, content, "image/png")}, headers=server.headers(actor))


def stored(server: Server) -> set[str]:
    """Everything on disk below files/, leftovers included."""
    folder = server.app.doors.files.contents.folder
    return {p.name for p in folder.rglob("*") if p.is_file()}


def docx() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    return target.getvalue()


def rows(server: Server) -> int:
    return int(server.data(COUNT, ADMIN)["coreFiles"]["totalCount"])


def test_the_uploader_gets_the_file_back_and_nothing_runs(server: Server) -> None:
    before = stored(server)
    answer = send(server, PNG)
    body = answer.json()
    assert answer.status_code == 201
    assert (body["name"], body["mime"], body["sizeBytes"]) == ("照片.png", "image/png", len(PNG))
    assert body["sha256"] == hashlib.sha256(PNG).hexdigest()
    [place] = stored(server) - before
    assert place != body["sha256"]
    got = server.client.get(f"/files/{body['id']}", headers=server.headers(STAFF))
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, PNG, "image/png")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_a_file_that_is_refused_leaves_its_line(server: Server) -> None:
    async def lines() -> list[Any]:
        text = "SELECT actor, action, result FROM tb_audit WHERE entity = 'core.file' AND result <> 'ok'"
        return list(await server.app.doors.host.database.fetch(text, []))

    portal = server.client.portal
    assert portal is not None
    before = len(portal.call(lines))
    assert send(server, PNG, None).status_code == 401
    assert send(server, PNG + b"0" * MAX).status_code == 413
    told = [tuple(line) for line in portal.call(lines)[before:]]
    assert sorted(told) == [("", "create", "NOT_AUTHENTICATED"), ("stf", "create", "BODY_TOO_LARGE")]


def test_the_same_content_of_two_lies_twice_and_each_has_its_own(server: Server) -> None:
    before = stored(server)
    first, second = send(server, PNG + b"1").json(), send(server, PNG + b"1", RESIDENT).json()
    assert first["id"] != second["id"]
    assert first["sha256"] == second["sha256"]
    assert len(stored(server) - before) == 2
    asked = "query($id:ID!){coreFile(id:$id){sha256}}"
    told = [server.data(asked, ADMIN, id=one["id"])["coreFile"]["sha256"] for one in (first, second)]
    # Keyed: whoever has a file cannot ask the table who else has it.
    assert told[0] == told[1] != first["sha256"]


def get(server: Server, id: str, **headers: str) -> Any:
    return server.client.get(f"/files/{id}", headers={**server.headers(STAFF), **headers})


LONG = b"%PDF-1.7 " + bytes(range(256)) * 360


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1), ("bytes=5-65540", 5, 65_541), ("bytes=65536-65599", 65_536, 65_600),
        ("bytes=92000-", 92_000, len(LONG)), ("bytes=-10", len(LONG) - 10, len(LONG)),
        ("bytes=92000-999999", 92_000, len(LONG)),
    ],
)  # fmt: skip
def test_a_range_of_a_file(server: Server, asked: str, start: int, stop: int) -> None:
    id = send(server, LONG).json()["id"]
    got = get(server, id, range=asked)
    assert (got.status_code, got.content) == (206, LONG[start:stop])
    assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(LONG)}"


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-1,5-6", 200, len(LONG)), ("lines=0-1", 200, len(LONG)), ("bytes=-", 200, len(LONG)),
        ("bytes=7-3", 200, len(LONG)), ("bytes=" + "9" * 5000 + "-", 200, len(LONG)),
        ("bytes=999999-", 416, 0), ("bytes=-0", 416, 0),
    ],
)  # fmt: skip
def test_other_ranges_are_the_whole_file_or_refused(server: Server, asked: str, status: int, length: int) -> None:
    got = get(server, send(server, LONG).json()["id"], range=asked)
    assert (got.status_code, len(got.content)) == (status, length)
    head = server.client.head(f"/files/{send(server, LONG).json()['id']}", headers=server.headers(STAFF))
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(LONG)))


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\xff\xd8\xff\xe0abc", "image/jpeg"), (b"%PDF-1.7 x", "application/pdf"), ("你好\r\n".encode(), "text/plain"),
        (docx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"\0\0\0\x18ftypmp42", "video/mp4"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_content(server: Server, content: bytes, mime: str) -> None:
    assert send(server, content).json()["mime"] == mime


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>1</script>",
        b"  \n<svg xmlns='x'/>",
        b"MZ\x90\0",
        b"\x7fELF\x01",
        b"PK\x03\x04junk",
        b"\0\1\2",
        b"\xff\xfe\0",
    ],
)
def test_other_kinds_are_refused_and_leave_nothing(server: Server, content: bytes) -> None:
    before = (stored(server), rows(server))
    answer = send(server, content)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert (stored(server), rows(server)) == before


@pytest.mark.parametrize(
    ("actor", "status", "code"), [(None, 401, "NOT_AUTHENTICATED"), (ADMIN, 403, "PERMISSION_DENIED")]
)
def test_without_the_right_nothing_is_read(server: Server, actor: Actor | None, status: int, code: str) -> None:
    before = (stored(server), rows(server))
    answer = send(server, PNG + b"2", actor)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)
    assert (stored(server), rows(server)) == before


@pytest.mark.parametrize("declares", [True, False])
def test_a_large_file_is_refused_and_leaves_nothing(server: Server, declares: bool) -> None:
    before = (stored(server), rows(server))
    body = HEAD + PNG + b"x" * (MAX + (70_000 if declares else 10)) + b"\r\n--b--\r\n"
    headers = {**server.headers(STAFF), "content-type": "multipart/form-data; boundary=b"}
    content: Any = body if declares else (body[i : i + 9000] for i in range(0, len(body), 9000))
    answer = server.client.post("/files", content=content, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "BODY_TOO_LARGE")
    assert (stored(server), rows(server)) == before


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"x", 415),
        (FORM, b"junk", 400),
        (FORM, HEAD + b"cut off", 400),
        (FORM, HEAD + b"one\r\n" + HEAD + b"two\r\n--b--\r\n", 400),
        (FORM, b"", 400),
        (FORM + "b" * 300, HEAD + b"one\r\n--b--\r\n", 400),
        (FORM, b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n\r\n' * 20 + HEAD + b"one\r\n--b--\r\n", 400),
    ],
)
def test_broken_forms_are_refused_and_leave_nothing(server: Server, kind: str, body: bytes, status: int) -> None:
    before = (stored(server), rows(server))
    answer = server.client.post("/files", content=body, headers={**server.headers(STAFF), "content-type": kind})
    assert answer.status_code == status
    assert (stored(server), rows(server)) == before


def test_another_part_is_not_the_file(server: Server) -> None:
    assert send(server, PNG, part="other").status_code == 400
    assert send(server, b"").status_code == 400


def test_a_full_disk_is_said_and_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (stored(server), rows(server))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")

    monkeypatch.setattr("core.crypto.stream.os.fsync", full)
    answer = send(server, PNG + b"3")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (507, "STORAGE_FULL")
    assert "secret" not in answer.text
    assert (stored(server), rows(server)) == before
    monkeypatch.undo()
    assert send(server, PNG + b"3").status_code == 201


@pytest.mark.parametrize("id", ["x", "01890000-0000-7000-8000-00000000dead", "..%2f..%2fetc%2fpasswd"])
def test_unknown_files_are_not_found(server: Server, id: str) -> None:
    assert server.client.get(f"/files/{id}", headers=server.headers(STAFF)).status_code == 404


def test_others_get_a_file_only_through_a_row_they_read(server: Server) -> None:
    id = send(server, PNG + b"4").json()["id"]
    for actor in (None, RESIDENT):
        answer = server.client.get(f"/files/{id}", headers=server.headers(actor))
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


def provider(server: Server, file: str, actor: Actor = STAFF) -> Any:
    """Give a file to a row that anybody may read, but for the field that holds the file."""
    values = {
        "uscc": "91110000600037341L", "name": "便民家政", "kind": "housekeeping", "licence": file, "isChecked": True,
        "division": "640522100000",
    }  # fmt: skip
    query = "mutation($i:CommunityProviderInput!){createCommunityProvider(input:$i){id version}}"
    return server.post(query, actor, i=values)


def test_a_row_opens_its_file_to_its_readers(server: Server) -> None:
    file = send(server, PNG + b"5").json()["id"]
    row = provider(server, file)["data"]["createCommunityProvider"]
    colleague, stranger = replace(STAFF, id="c"), replace(STAFF, id="s", division="640522101000")
    statuses = [
        server.client.get(f"/files/{file}", headers=server.headers(actor)).status_code
        for actor in (STAFF, colleague, stranger, None)
    ]
    # The anonymous reader sees the row, but not the field.
    assert statuses == [200, 200, 404, 404]
    delete = "mutation($id:ID!,$v:Int!){updateCommunityProvider(id:$id,version:$v,patch:{licence:null}){id}}"
    server.data(delete, STAFF, id=row["id"], v=row["version"])
    assert server.client.get(f"/files/{file}", headers=server.headers(colleague)).status_code == 404


def problems(answer: Any) -> list[str]:
    return [p["id"] for e in answer["errors"] for p in e["extensions"]["problems"]]


def test_a_file_of_somebody_else_cannot_be_taken_over(server: Server) -> None:
    file = send(server, PNG + b"6", RESIDENT).json()["id"]
    count = "{communityProviders{totalCount}}"
    before = server.data(count, STAFF)
    assert problems(provider(server, file)) == ["file.unknown"]
    assert problems(provider(server, "01890000-0000-7000-8000-00000000dead")) == ["file.unknown"]
    assert server.data(count, STAFF) == before
    assert server.client.get(f"/files/{file}", headers=server.headers(STAFF)).status_code == 404


def test_a_field_takes_its_kinds_of_file_only(server: Server) -> None:
    text = send(server, "只是文本".encode()).json()["id"]
    assert problems(provider(server, text)) == ["file.type"]


def archive(members: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("word/document.xml", "<w/>")
        for n in range(members):
            made.writestr(f"{n:060}", "")
    return file.getvalue()


def kind_of(path: Path) -> str | None:
    with path.open("rb") as file:
        return sniff(file)


def test_archives_of_endless_members_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(archive(100))
    assert kind_of(path) == "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    large = archive(12_000)
    end = large.rindex(b"PK\x05\x06")
    small = (1000).to_bytes(4, "little")
    # The second says it is small, but a record of zip64 in front of it is what readers believe.
    for hostile in (large, large[:end] + b"PK\x06\x07" + bytes(16) + large[end : end + 12] + small + large[end + 16 :]):
        path.write_bytes(hostile)
        assert kind_of(path) is None


@pytest.mark.parametrize("name", ["createCoreFile", "updateCoreFile", "deleteCoreFile"])
def test_only_the_door_registers_files(server: Server, name: str) -> None:
    """A row with the digest of another's file would give that file to whoever wrote the row."""
    text = '{__type(name: "Mutation") {fields {name}}}'
    names = {field["name"] for field in server.data(text, ADMIN)["__type"]["fields"]}
    assert "createCoreGrid" in names
    assert name not in names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\报告.pdf", "报告.pdf"), ("a\u202egpj.exe", "agpj.exe"), ("\0\n", "未命名"),
        ("", "未命名"), ("x" * 300 + ".pdf", "x" * 196 + ".pdf"), (" .. ", "未命名"), ("e\u0301.txt", "\u00e9.txt"),
    ],
)  # fmt: skip
def test_names_deceive_nobody(given: str, kept: str) -> None:
    assert clean_name(given) == kept


def test_names_fit_their_column() -> None:
    assert len(clean_name("名" * 500 + "." + "x" * 500)) <= 200


def test_files_live_below_their_folder(server: Server) -> None:
    folder = server.app.doors.files.contents.folder
    assert all(len(name) == 64 for name in stored(server))
    assert not list((folder / "incoming").iterdir())
