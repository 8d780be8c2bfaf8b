"""A stranger's day: the sample plugin as a wheel, in a fresh environment with the SDK alone, then beside the host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sdk" / "samples" / "reading_room"


def _run(*words: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, env={**os.environ, **env}, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheels of the SDK and of the sample, built as a stranger builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    source = Path(shutil.copytree(SAMPLE, folder / "source"))  # setuptools builds inside the source tree
    _run(*pip, ROOT / "sdk", source, cwd=folder)
    [sdk], [sample] = [list(folder.glob(f"{name}-*.whl")) for name in ("tongban_sdk", "tongban_reading_room")]
    return {"sdk": sdk, "sample": sample}


@pytest.fixture(scope="module")
def fresh(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the SDK, the sample and what their own metadata asks for; nothing of the host."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    _run(
        sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet",
        f"{wheels['sdk']}[testing]", wheels["sample"], f"mypy=={version('mypy')}", cwd=folder.parent,
    )  # fmt: skip
    return folder / "bin" / "python"


def test_the_sdk_needs_no_host(fresh: Path, tmp_path: Path) -> None:
    code = "import tongban_sdk, importlib.util as u; print(u.find_spec('core'), u.find_spec('starlette'))"
    assert _run(fresh, "-c", code, cwd=tmp_path) == "None None\n"


def test_the_sample_is_typed(fresh: Path, tmp_path: Path) -> None:
    done = _run(fresh, "-m", "mypy", "--strict", "-p", "reading_room", "-p", "tongban_sdk.hookspecs", cwd=tmp_path)
    assert done.startswith("Success: no issues found in")


def test_the_samples_own_tests_pass(fresh: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    for file in (SAMPLE / "tests").glob("test_*.py"):
        (tests / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "pyproject.toml").write_text((SAMPLE / "pyproject.toml").read_text("utf-8"), "utf-8")
    done = _run(fresh, "-m", "pytest", cwd=tmp_path)
    assert "14 passed" in done


_BESIDE = """
import asyncio, json
from core.api.compose import Composer
from core.host import open_host
from core.plugins import discovery
from core.settings import read_settings

async def main():
    discovery.IN_TREE = discovery.IN_TREE / "core"
    async with open_host(read_settings(), compose=Composer()) as host:
        status = host.registry.statuses()["reading_room"].to_json()
        query = host.generation.graphql.query_type.fields
        fields = sorted(name for name in query if name.startswith("readingRoom"))
        print(json.dumps([status["state"], status["source"], fields]))

asyncio.run(main())
"""


def test_beside_the_host_it_appears_in_the_api(wheels: dict[str, Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        site,
        wheels["sample"],
    ]
    _run(*pip, cwd=tmp_path)
    done = _run(
        sys.executable, "-c", _BESIDE, cwd=ROOT,
        PYTHONPATH=f"{site}{os.pathsep}{ROOT}", TONGBAN_DATA_DIR=str(tmp_path / "var"), TONGBAN_DATABASE_URL="",
    )  # fmt: skip
    fields = [
        "readingRoomBooking", "readingRoomBookingStats", "readingRoomBookings", "readingRoomFree", "readingRoomSeat",
        "readingRoomSeatStats", "readingRoomSeats",
    ]  # fmt: skip
    assert json.loads(done) == ["on", "installed", fields]
