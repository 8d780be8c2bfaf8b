from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.fields import FieldError, make_field
from core.fields.made import Computed, Sequence, check_format

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_running_number() -> None:
    field = make_field("no", {"type": "sequence", "title": "编号", "format": "CM{division:6}{date:%Y%m%d}{seq:7}"})
    assert isinstance(field, Sequence)
    assert field.render("640522100203", date(2026, 11, 22), 17) == "CM640522202611220000017"
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    assert field.counter("a.b", "640522100203", monday) == "a.b.no:CM6405222026112300{seq}"
    assert field.counter("a.b", "640522200000", monday) == field.counter("a.b", "640522100203", monday)
    assert field.counter("a.b", "640522100203", tuesday) != field.counter("a.b", "640522100203", monday)


def test_numbers_beyond_the_width_grow() -> None:
    field = make_field("no", {"type": "sequence", "title": "编号", "format": "A-{seq:2}"})
    assert isinstance(field, Sequence)
    assert [field.render("", date(2026, 1, 1), n) for n in (1, 99, 100)] == ["A-01", "A-99", "A-100"]


@pytest.mark.parametrize("text", ["CM{division:6}{seq:7}", "{seq:3}", "A{date:%Y}-{seq:12}"])
def test_good_formats(text: str) -> None:
    check_format(text)


@pytest.mark.parametrize("text", ["CM", "{seq:3}{seq:3}", "{seq:0}", "{division:5}{seq:3}", "{date:%c}{seq:3}"])
def test_bad_formats(text: str) -> None:
    with pytest.raises(FieldError):
        check_format(text)


def test_computed_values_have_the_form_of_their_column() -> None:
    field = make_field("x", {"type": "computed", "title": "x", "as": "decimal", "scale": 3, "expr": "a * 0.5"})
    assert isinstance(field, Computed)
    assert str(field.evaluate({"a": 3}, {}, NOW)) == "1.500"
    assert field.evaluate({"a": None}, {}, NOW) is None
    assert field.evaluate({"a": 3}, {}, NOW) == Decimal("1.5")
    assert (field.graphql_scalar, field.result_operators[0], field.result_column.scale) == ("Decimal", "eq", 3)
