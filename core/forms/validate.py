"""What somebody filled in, held against the form: all that is wrong at once, by path, in Chinese."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields import FieldError
from core.fields.json_schema import problem_of
from core.forms.view import FormView


def validate(form: FormView, values: Mapping[str, Any], consents: Collection[str]) -> dict[str, Any]:
    """The values without those of hidden fields. InvalidInputError lists everything wrong.

    `consents`: ids the person has ticked himself. Paths begin with "values" or "consents"; as JSON pointers
    "/values/phone". Nothing is filled in: neither defaults nor ticks.
    """
    if not isinstance(values, Mapping):
        raise InvalidInputError("应为字段和值", [InputProblem(("values",), "应为字段和值", "form.type")])
    faults = dict(_faults(form, values))
    kept = shown_values(form, values, faults)
    problems = [*_strangers(form, values), *_values(form, kept, faults), *_consents(form, consents)]
    if problems:
        # Two rules may ask for the same field.
        raise InvalidInputError("填写的内容有误", tuple(dict.fromkeys(problems)))
    return kept


def shown_values(form: FormView, values: Mapping[str, Any], faults: Container[str] | None = None) -> dict[str, Any]:
    """What is filled in and shown: each field by what stands above it, so that nothing hidden decides anything."""
    wrong = dict(_faults(form, values)) if faults is None else faults
    kept: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for name in form.fields:
        show = form.shows.get(name)
        if values.get(name) is not None and (show is None or show.is_valid(seen)):
            kept[name] = values[name]
            # Of a refused value only its being there counts: it may be anything, too deep even to be looked at.
            seen[name] = None if name in wrong else values[name]
    return kept


def pointer(path: Sequence[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _strangers(form: FormView, values: Mapping[str, Any]) -> Iterator[InputProblem]:
    for name in values:
        if name not in form.fields:
            yield InputProblem(("values", name), "没有这个可填写的字段", "input.unknown-field")


def _faults(form: FormView, values: Mapping[str, Any]) -> Iterator[tuple[str, FieldError]]:
    """What the fields refuse, shown or not."""
    for name, field in form.fields.items():
        if (value := values.get(name)) is not None:
            try:
                field.parse(value)
            except FieldError as fault:
                yield name, fault


def _values(form: FormView, kept: Mapping[str, Any], faults: Mapping[str, FieldError]) -> Iterator[InputProblem]:
    """The field says it best; what it takes is held against the form."""
    wrong = {name: faults[name] for name in kept if name in faults}
    yield from (InputProblem(("values", name), fault.message, fault.id) for name, fault in wrong.items())
    for error in form.validator.iter_errors({name: None if name in wrong else value for name, value in kept.items()}):
        for problem in problem_of(form.schema, error, "values", lambda name: _title(form, name)):
            if problem.path[1:2] == () or problem.path[1] not in wrong:
                yield problem


def _title(form: FormView, name: str) -> str:
    return str(form.ui["fields"][name]["title"]) if name in form.fields else name


def _consents(form: FormView, ticked: Collection[str]) -> Iterator[InputProblem]:
    for id, text in form.consents.items():
        if id not in ticked:
            yield InputProblem(("consents", id), f"请阅读并勾选：{text}", "form.consent-missing")
    for id in sorted({*ticked} - form.consents.keys()):
        yield InputProblem(("consents", id), "没有这一项声明", "form.consent-unknown")
