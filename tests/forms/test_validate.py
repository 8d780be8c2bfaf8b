"""The same schema for the browser and the server, and every fault of a filled form at once."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from tongban_sdk.errors import InvalidInputError

from core.forms import FormView, form_of, validate
from core.forms.schema import narrowed, sure
from core.forms.validate import pointer
from core.manifest.model import World
from tests.forms.conftest import uid

TICKED = ("truth", "visit")
PHOTO = uid(50)
GOOD: dict[str, Any] = {"category": "water", "place": "public", "phone": "13800000000", "photo": PHOTO, "quick": True}


def faults(form: FormView, values: dict[str, Any], consents: tuple[str, ...] = TICKED) -> dict[str, str]:
    """Pointer → id."""
    with pytest.raises(InvalidInputError) as refused:
        validate(form, values, consents)
    found = {pointer(problem.path): problem.id for problem in refused.value.problems}
    assert len(found) == len(refused.value.problems)
    return found


def messages(form: FormView, values: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidInputError) as refused:
        validate(form, values, TICKED)
    return [problem.message for problem in refused.value.problems]


def test_the_schema_is_2020_12_closed_and_in_chinese(form: FormView) -> None:
    schema = dict(form.schema)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == [
        *(
            "category",
            "place",
            "house",
            "floor",
            "words",
            "photo",
            "name",
            "phone",
            "address",
            "home",
            "company",
            "illness",
        ),
        *("quick", "budget", "tags", "at"),
    ]
    assert schema["properties"]["words"]["title"] == "情况说明"
    assert schema["required"] == ["category", "place", "photo", "phone"]
    assert schema["allOf"][0] == {"if": {"required": ["house"]}, "then": {"required": ["floor"]}}


def test_what_says_how_it_looks(form: FormView) -> None:
    assert form.ui["groups"][0] == {
        "title": "报修内容",
        "fields": ["category", "place", "house", "floor", "words", "photo"],
    }
    looks = form.ui["fields"]
    assert looks["category"]["options"][0] == {"value": "water", "title": "水"}
    assert looks["words"] == {
        "title": "情况说明", "widget": "textarea", "hint": "写清楚坏在哪里", "placeholder": "水管漏水",
    }  # fmt: skip
    assert looks["house"] == {
        "title": "房屋", "widget": "ref", "prefill": "mine", "entity": "homes.house",
        "showIf": {"properties": {"place": {"const": "indoor"}}, "required": ["place"]},
    }  # fmt: skip
    assert looks["photo"] == {
        "title": "现场照片", "widget": "file", "accept": ["image/jpeg", "image/png"], "maxBytes": None,
        "material": {
            "id": "photo", "need": "必要", "source": "申请人自备", "licence": "",
            "accept_stand": "看得清坏处", "page_num": 1,
        },
    }  # fmt: skip
    assert form.applicant_field == "reporter"


def test_a_good_form_comes_back_as_it_was(form: FormView) -> None:
    assert validate(form, GOOD, TICKED) == GOOD
    assert validate(form, {**GOOD, "words": None}, TICKED) == GOOD


def test_everything_wrong_is_told_at_once_by_pointer(form: FormView) -> None:
    values = {
        "category": "other", "place": "indoor", "house": "x", "floor": 31, "words": "漏", "phone": "12",
        "company": "1164052201TEA0064E", "budget": "-1", "tags": ["一二三四五"], "quick": False, "zz": 1,
        "at": {"lng": 105, "lat": 200, "crs": "GCJ-02"},
    }  # fmt: skip
    assert faults(form, values, ("truth", "other")) == {
        "/values/zz": "input.unknown-field",
        "/values/house": "ref.format",
        "/values/phone": "phone.format",
        "/values/company": "uscc.checksum",
        "/values/budget": "decimal.range",
        "/values/at": "point.crs-unknown",
        "/values/category": "form.not-allowed",
        "/values/floor": "form.too-big",
        "/values/words": "form.too-short",
        "/values/tags/0": "form.too-long",
        "/values/quick": "form.not-allowed",
        "/values/photo": "input.required",
        "/consents/visit": "form.consent-missing",
        "/consents/other": "form.consent-unknown",
    }


def test_messages_are_chinese_and_never_repeat_what_was_written(form: FormView) -> None:
    told = messages(form, {**GOOD, "words": "漏", "phone": "15512", "tags": [], "category": "gas"})
    assert told == [
        "应为以下之一：water、power、other",
        "应为大陆手机号或固定电话，如 13800000000、0955-4012345",
        "至少写 5 个字",
        "至少 1 项",
    ]


def test_a_field_that_two_rules_ask_for_is_told_once(form: FormView) -> None:
    values = {name: value for name, value in GOOD.items() if name != "category"}
    assert faults(form, values) == {"/values/category": "input.required"}


def test_a_rule_over_several_fields_has_its_own_words(form: FormView) -> None:
    assert messages(form, {**GOOD, "category": "power"}) == ["电的问题要写明情况"]
    assert faults(form, {**GOOD, "category": "power"}) == {"/values/words": "input.required"}


def test_what_is_hidden_is_neither_taken_nor_asked_for(form: FormView) -> None:
    hidden = {**GOOD, "house": "not looked at", "floor": "neither"}
    assert validate(form, hidden, TICKED) == GOOD
    assert faults(form, {**GOOD, "place": "indoor", "house": uid(7)}) == {"/values/floor": "input.required"}
    shown = {**GOOD, "place": "indoor", "house": uid(7), "floor": 3}
    assert validate(form, shown, TICKED) == shown


def test_a_hidden_value_opens_no_other_field(form: FormView) -> None:
    # The house is hidden because the place is public, so the floor is hidden too, whatever was sent.
    assert validate(form, {**GOOD, "house": uid(7), "floor": 99}, TICKED) == GOOD


def test_nobody_but_the_person_ticks_a_consent(form: FormView) -> None:
    assert faults(form, GOOD, ()) == {
        "/consents/truth": "form.consent-missing", "/consents/visit": "form.consent-missing",
    }  # fmt: skip
    assert "truth" not in form.schema["properties"]
    # const: true asks for a yes, it does not say it.
    assert "quick" not in validate(form, {k: v for k, v in GOOD.items() if k != "quick"}, TICKED)


def test_who_applies_is_not_filled_in(form: FormView) -> None:
    assert faults(form, {**GOOD, "reporter": uid(2)}) == {"/values/reporter": "input.unknown-field"}
    assert faults(form, {**GOOD, "case_no": "HM1"}) == {"/values/case_no": "input.unknown-field"}


def test_without_a_form_citizens_are_asked_what_they_may_write(world: World) -> None:
    form = form_of(world, world.plugins["homes"].services["quick"][0])
    assert list(form.fields) == [
        *("category", "place", "house", "floor", "words", "name", "phone", "address", "home", "company", "illness"),
        *("quick", "budget", "tags", "at", "photo"),
    ]
    assert form.schema["required"] == ["category", "place"]
    assert [group["title"] for group in form.ui["groups"]] == ["报修单", "材料"]


def test_the_form_is_made_once(world: World, form: FormView) -> None:
    assert form_of(world, world.plugins["homes"].services["repair"][0]) is form


@pytest.mark.parametrize(
    ("field", "rule", "expected"),
    [
        ({"maxLength": 10}, {"maxLength": 20}, {"maxLength": 10}),
        ({"maxLength": 10}, {"maxLength": 5}, {"maxLength": 5}),
        ({"minimum": 3}, {"minimum": 1}, {"minimum": 3}),
        ({"enum": ["a", "b"]}, {"enum": ["c", "b"]}, {"enum": ["b"]}),
        ({"items": {"maxLength": 9}}, {"items": {"maxLength": 99}}, {"items": {"maxLength": 9}}),
        ({"type": "string"}, {"pattern": "^a"}, {"type": "string", "pattern": "^a"}),
    ],
)
def test_a_refinement_only_narrows(field: dict[str, Any], rule: dict[str, Any], expected: dict[str, Any]) -> None:
    assert narrowed(field, rule) == expected


def test_a_rule_speaks_of_fields_that_are_there() -> None:
    rule = {"anyOf": [{"properties": {"a": {"const": 1}}}, {"not": {"properties": {"b": {"const": 2}}}}]}
    assert sure(rule) == {
        "anyOf": [
            {"properties": {"a": {"const": 1}}, "required": ["a"]},
            {"not": {"properties": {"b": {"const": 2}}, "required": ["b"]}},
        ]
    }


def test_a_pointer_escapes_what_it_must() -> None:
    assert pointer(("values", "a/b", 0, "c~d")) == "/values/a~1b/0/c~0d"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [deep(900), float("nan"), 10**400, "\ud800", {"a": deep(900)}, b"x", "a" * 100_000])
@pytest.mark.parametrize(
    "name", ["category", "place", "house", "floor", "words", "photo", "quick", "budget", "tags", "at"]
)
def test_whatever_is_sent_is_refused_by_its_field(form: FormView, name: str, value: Any) -> None:
    values = {**GOOD, "place": "indoor", "house": uid(7), "floor": 3, name: value}
    assert f"/values/{name}" in {pointer.partition("/0")[0] for pointer in faults(form, values)}


@pytest.mark.parametrize("values", [[], "x", 3, None])
def test_what_is_no_form_at_all(form: FormView, values: Any) -> None:
    assert faults(form, values) == {"/values": "form.type"}


def test_a_wrong_value_counts_as_there_and_no_more(form: FormView) -> None:
    assert faults(form, {**GOOD, "place": "indoors", "house": "x"}) == {"/values/place": "enum.unknown"}
    assert faults(form, {**GOOD, "place": "indoor", "house": "x"}) == {
        "/values/house": "ref.format", "/values/floor": "input.required",
    }  # fmt: skip
