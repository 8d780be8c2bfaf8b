"""Sections of a manifest: one module each, found by name. A later section is one new module and one schema."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from tongban_sdk.problems import Problem

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.model import World


def _no_problems(world: World) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a manifest: which files, which schema, how they become a part of the typed model."""

    #: Key in `Plugin.parts`.
    name: str
    #: Names of its documents inside the folder, with "*" for one step.
    files: tuple[str, ...]
    #: File in tongban_sdk/schemas/.
    schema: str
    #: Documents that fit the schema, bar dropped entries → the part. Problems go to the draft.
    build: Callable[[Sequence[Document], Draft], Any]
    #: Keys of a document whose entries stand alone: a bad one does not hide what is wrong with the others.
    units: tuple[str, ...] = ()
    #: Sections whose parts `build` reads.
    after: tuple[str, ...] = ()
    #: Findings that need all plugins at once.
    check: Callable[[World], Iterator[Problem]] = _no_problems

    def owns(self, name: str) -> bool:
        return any(fnmatchcase(name, f) and name.count("/") == f.count("/") for f in self.files)


@lru_cache
def sections() -> tuple[Section, ...]:
    """All sections, each after those it reads."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    found = {section.name: section for module in modules if (section := getattr(module, "SECTION", None))}
    order = TopologicalSorter({name: section.after for name, section in sorted(found.items())})
    return tuple(found[name] for name in order.static_order())
