"""The committed reference is what the schemas say."""

from __future__ import annotations

from core.manifest.reference import FOLDER, pages
from core.manifest.sections import sections


def test_the_committed_pages_are_up_to_date() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert committed == pages(), "run: python -m core.manifest.reference"


def test_there_is_a_page_for_every_section() -> None:
    assert set(pages()) == {"README.md", *(f"{section.name}.md" for section in sections())}
