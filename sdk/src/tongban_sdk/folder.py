"""Reads a manifest folder and judges it by the SDK's schemas alone; the host checks more (`python server.py check`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from tongban_sdk.problems import Place, Problem

#: Glob inside the folder → schema file.
PARTS: Mapping[str, str] = {
    "plugin.yaml": "plugin.schema.json",
    "entities/*.yaml": "entity.schema.json",
    "access.yaml": "access.schema.json",
    "codes/*.yaml": "codes.schema.json",
    "data/*.yaml": "data.schema.json",
    "demo/*.yaml": "demo.schema.json",
    "jobs.yaml": "jobs.schema.json",
    "jobs/*.yaml": "jobs.schema.json",
    "i18n/*.yaml": "i18n.schema.json",
}


def find_folder(package: str) -> Path:
    """The one `manifest/<id>/` folder of an importable package; LookupError when there is none or several."""
    spec = find_spec(package)
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    folders = [file.parent for root in roots for file in (root / "manifest").glob("*/plugin.yaml")]
    if len(folders) != 1:
        raise LookupError(f"{package} holds {len(folders)} folders manifest/<id>/ with a plugin.yaml, not one")
    return folders[0]


def read_folder(folder: Path) -> dict[str, Any]:
    """Every YAML file that belongs to a manifest, by path inside the folder."""
    import yaml

    class Yaml12Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {}  # noqa: RUF012  # PyYAML's own way; YAML 1.1's resolvers must not be inherited

    for tag, pattern, first in _SCALARS:
        Yaml12Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
    files = sorted(file for glob in PARTS for file in folder.glob(glob))
    return {str(file.relative_to(folder)): yaml.load(file.read_text("utf-8"), Yaml12Loader) for file in files}


#: The scalars of YAML 1.2: `no` is text and 2024-01-01 is text.
_SCALARS = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
)


def check_folder(folder: Path) -> list[Problem]:
    """Judge a manifest folder by the schemas.

    Args:
        folder: The folder that holds plugin.yaml.

    Returns:
        Every problem at once, in the order of the files; empty when the folder fits the schemas.
    """
    return [problem for name, value in read_folder(folder).items() for problem in _check(folder.name, name, value)]


def _check(folder: str, name: str, value: Any) -> Iterator[Problem]:
    schema = next(schema for glob, schema in PARTS.items() if Path(name).match(glob))
    for error in sorted(_validator(schema).iter_errors(value), key=lambda e: e.json_path):
        yield Problem("manifest.invalid", "error", Place(f"{folder}/{name}"), f"{error.json_path}：{error.message}")


@cache
def _validator(schema: str) -> Draft202012Validator:
    text = resources.files("tongban_sdk").joinpath("schemas", schema).read_text("utf-8")
    # An empty registry: a schema that refers to the net is an error, never a request.
    return Draft202012Validator(json.loads(text), registry=Registry())
