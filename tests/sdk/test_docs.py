"""The SDK's pages say what its code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import tongban_sdk
from tongban_sdk import errors, hookspecs

SDK = Path(__file__).parents[2] / "sdk"
DOCS = SDK / "docs"


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", (DOCS / page).read_text("utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _specs() -> dict[str, str]:
    found = {
        name: str(inspect.signature(function)).replace("'", "")
        for name, function in vars(hookspecs).items()
        if inspect.isfunction(function) and hasattr(function, f"{hookspecs.PROJECT}_spec")
    }
    return dict(sorted(found.items()))


def test_every_hook_has_its_exact_signature_on_the_page() -> None:
    sections = _sections("hooks.md")
    assert sorted(set(sections) - {"Testing"}) == list(_specs()) == list(hookspecs.HOOKS)
    for name, signature in _specs().items():
        assert f"`{name}{signature}`" in sections[name]


def test_every_hook_says_returns_or_args_limits_and_source() -> None:
    for name in hookspecs.HOOKS:
        text = inspect.getdoc(getattr(hookspecs, name)) or ""
        assert "Raises:" in text, name
        assert "Limits:" in text, name
        assert "Source:" in text, name
        assert "Args:" in text or "Returns:" in text, name


def test_every_error_code_has_a_section_that_names_its_class() -> None:
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.HostError)]
    sections = _sections("errors.md")
    assert {c.code for c in classes} == set(sections)
    for cls in classes:
        assert f"`{cls.__name__}`" in sections[cls.code]


def test_the_one_door_is_sorted_and_complete() -> None:
    names = tongban_sdk.__all__
    assert names == sorted(names)
    assert all(getattr(tongban_sdk, name, None) is not None for name in names)
    public = {
        name for name, value in vars(tongban_sdk).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(names)


def test_every_hook_has_a_real_user() -> None:
    plugin = SDK / "samples" / "reading_room" / "src" / "reading_room" / "plugin.py"
    used = set(re.findall(r"def (\w+)\(self", plugin.read_text("utf-8")))
    assert used == set(hookspecs.HOOKS)
