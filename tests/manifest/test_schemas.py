"""The schemas that ship in the SDK: valid, closed, titled, offline, and made from the field classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from core.fields import FIELD_TYPES
from core.manifest.entity_schema import FILE, TYPE_TITLES, schema_text
from core.manifest.schemas import read_schema
from core.manifest.sections import sections

NAMES = sorted(section.schema for section in sections())


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of a schema; examples are data."""
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            if key != "examples":
                yield from parts(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from parts(value, f"{path}/{i}")


def is_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


def test_every_section_has_a_schema_of_its_own() -> None:
    folder = FILE.parent
    assert sorted(file.name for file in folder.glob("*.json")) == NAMES
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_2020_12_and_says_what_it_is(name: str) -> None:
    schema = read_schema(name)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/{name}")
    assert is_chinese(schema["title"])
    assert is_chinese(schema["description"])


@pytest.mark.parametrize("name", NAMES)
def test_every_object_with_keys_refuses_others_except_extensions(name: str) -> None:
    for path, part in parts(read_schema(name)):
        # An `if` only looks; `field` hands over to the definition of its type.
        if "properties" in part and not path.endswith(("/if", "/properties")) and "allOf" not in part:
            assert part.get("additionalProperties") is False, path
            assert part.get("patternProperties", {}).keys() == {"^x-"}, path


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_points_outside_itself(name: str) -> None:
    references = [part["$ref"] for _, part in parts(read_schema(name)) if isinstance(part.get("$ref"), str)]
    assert all(reference.startswith("#/$defs/") for reference in references)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_schema_fit_it(name: str) -> None:
    schema = read_schema(name)
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    assert [error.message for example in schema.get("examples", ()) for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize("name", NAMES)
def test_titles_of_keys_are_chinese(name: str) -> None:
    titles = [(p, part["title"]) for p, part in parts(read_schema(name)) if isinstance(part.get("title"), str)]
    assert [p for p, title in titles if not is_chinese(title) and "/$defs/field_" not in p] == []


def test_the_entity_schema_is_made_from_the_field_classes() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m core.manifest.entity_schema"


def test_every_field_type_has_a_title() -> None:
    assert set(TYPE_TITLES) == set(FIELD_TYPES)


@pytest.mark.parametrize("type_", sorted(FIELD_TYPES))
def test_a_field_type_knows_its_own_options_only(type_: str) -> None:
    definition = read_schema("entity.schema.json")["$defs"][f"field_{type_}"]
    own = set(FIELD_TYPES[type_].options)
    common = {
        "type",
        "title",
        "description",
        "required",
        "unique",
        "index",
        "keyed",
        "level",
        "purpose",
        "default",
        "mask",
        "deprecated",
    }
    assert set(definition["properties"]) == common | {"renamed_from"} | own
    assert set(definition["required"]) <= own
