"""What operators look up is there: every command, every setting, and the page behind every link."""

from __future__ import annotations

import re
from pathlib import Path

from core.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_every_command_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`.+?) \|", OPERATIONS, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z-]+)", row)}
    assert set(COMMANDS) - named == set()


def test_every_setting_is_in_the_table_and_no_other() -> None:
    read = set(re.findall(r'"(TONGBAN_[A-Z_]+)"', (ROOT / "core" / "settings.py").read_text("utf-8")))
    told = set(re.findall(r"`(TONGBAN_[A-Z_]+)`", "\n".join(re.findall(r"^\| `TONGBAN.*$", OPERATIONS, re.MULTILINE))))
    assert told == read


def test_every_link_leads_to_a_page() -> None:
    lost = [
        f"{page.name}: {link}"
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for link in re.findall(r"\]\(([^):#]+)[#)]", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert lost == []
