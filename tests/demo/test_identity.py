"""Made-up numbers pass our own validators and keep to the fixture rule."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from core.demo.identity import NEW_CODE_FROM, make_idno, make_uscc
from core.fields import make_field

IDNO = make_field("idno", {"type": "idno", "title": "号", "level": "L3"})
USCC = make_field("uscc", {"type": "uscc", "title": "号"})


def test_every_number_is_valid_unique_and_under_the_fixture_rule() -> None:
    random, taken, numbers = Random(7), set[str](), []
    for days in range(0, 36_000, 9):
        birth = date(1928, 1, 1) + timedelta(days=days)
        for sex in ("1", "2", "1"):
            number = make_idno(random, birth, sex, taken)
            if number is None:
                assert birth >= NEW_CODE_FROM
                continue
            numbers.append(number)
            assert IDNO.parse(number) == number
            assert number[6:14] == birth.strftime("%Y%m%d")
            assert int(number[16]) % 2 == (1 if sex == "1" else 0)
            is_small = number[:6] in ("642222", "640421", "640522") and number[14:17] in ("998", "999")
            assert is_small or (number[:6] == "640522" and birth < date(2003, 1, 1))
    assert len(set(numbers)) == len(numbers) > 11_000


def test_a_birth_before_2001_gets_the_code_of_its_time_first() -> None:
    assert make_idno(Random(1), date(1943, 3, 12), "2", set()) == "642222194303129986"


def test_a_day_after_2003_has_three_numbers_for_each_sex_and_then_none() -> None:
    random, taken = Random(1), set[str]()
    made = [make_idno(random, date(2020, 9, 1), "2", taken) for _ in range(4)]
    assert [number and number[:6] for number in made] == ["640522", "640421", "642222", None]


@pytest.mark.parametrize("kind", ["91", "12", "93", "N2"])
def test_credit_codes_are_valid_and_unique(kind: str) -> None:
    random, taken = Random(1), set[str]()
    codes = [make_uscc(random, kind, "640522", taken) for _ in range(200)]
    assert len(set(codes)) == 200
    assert all(code and USCC.parse(code) == code and code[2:12] == "640522MATE" for code in codes)


def test_a_used_up_series_gives_none() -> None:
    taken = {f"91640522MATE{n:04}" for n in range(10_000)}
    assert make_uscc(Random(1), "91", "640522", taken) is None
