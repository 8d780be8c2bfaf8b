"""Changes that make the good plugins bad."""

from __future__ import annotations

from tests.manifest.folders import GOOD, HEAD, Files, changed

HOUSE, BLOCK, ACCESS = "alpha/entities/house.yaml", "alpha/entities/block.yaml", "alpha/access.yaml"
KINDS, COLOURS = "alpha/codes/kinds.yaml", "alpha/codes/colours.csv"
MORE, ROWS = "alpha/data/more.csv", "alpha/data/blocks.yaml"
PLUGIN, JOBS, FRENCH = "alpha/plugin.yaml", "alpha/jobs.yaml", "alpha/i18n/fr.yaml"
BETA = HEAD.format(id="beta")

#: What is wrong, the files, every problem found: place inside the folder, id.
Case = tuple[str, Files, list[str]]


def appended(name: str, text: str) -> Files:
    return {**GOOD, name: GOOD[name] + text}


def added(name: str, text: str | bytes) -> Files:
    return {**GOOD, name: text}


def without(name: str) -> Files:
    return {key: text for key, text in GOOD.items() if key != name}


def field(declaration: str, name: str = "f") -> Files:
    """One more field on line 6 of block.yaml."""
    return changed(BLOCK, "  is_old:", f"  {name}: {{title: 列, {declaration}}}\n  is_old:")


def rule(declaration: str) -> Files:
    """One more rule on line 6 of access.yaml."""
    return appended(ACCESS, f"  - {{role: resident, {declaration}}}\n")


def entity(name: str, text: str) -> Files:
    """One more entity; its fields start on line 4."""
    return added(f"alpha/entities/{name}.yaml", f"entity: {name}\ntitle: 又\nfields:\n{text}")
