"""The application of the README, exactly as printed, is checked and answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.cli import main
from tests.api.servers import STAFF, running

README = Path(__file__).resolve().parent.parent / "README.md"
CREATE = "mutation($i:LibraryBookInput!){createLibraryBook(input:$i){id version name copies division}}"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for block in re.findall(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL):
        name = re.match(r"# manifests/(library/\S+)\n", block)
        assert name, block
        file = tmp_path / name[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block, "utf-8")
    return tmp_path / "library"


def test_the_application_of_the_readme_has_no_problems(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(library)]) == 0
    assert capsys.readouterr().out == ""


def test_the_application_of_the_readme_answers(library: Path, tmp_path: Path) -> None:
    with running(tmp_path / "data", manifests=(library.parent,)) as server:
        book = server.data(CREATE, STAFF, i={"name": "平凡的世界"})["createLibraryBook"]
        assert (book["name"], book["copies"], book["division"]) == ("平凡的世界", 1, STAFF.division)
        assert server.code(CREATE, None, i={"name": "红楼梦", "division": STAFF.division}) == "NOT_AUTHENTICATED"
        assert server.data("{libraryBooks{totalCount nodes{id}}}") == {
            "libraryBooks": {"totalCount": 1, "nodes": [{"id": book["id"]}]}
        }
        update = f'mutation{{updateLibraryBook(id:"{book["id"]}",version:1,patch:{{copies:3}}){{version}}}}'
        assert server.data(update, STAFF) == {"updateLibraryBook": {"version": 2}}
        assert server.data("{libraryBookStats{sum{copies}}}") == {"libraryBookStats": [{"sum": {"copies": 3}}]}
        delete = f'mutation{{deleteLibraryBook(id:"{book["id"]}",version:2)}}'
        assert server.code(delete, STAFF) == "PERMISSION_DENIED"
