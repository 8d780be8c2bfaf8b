from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fields import FieldError, make_field
from core.fields.identity import USCC_ALPHABET

IDNO = make_field("idno", {"type": "idno", "title": "证"})
USCC = make_field("uscc", {"type": "uscc", "title": "码"})
PLATE = make_field("plate", {"type": "plate", "title": "牌"})
PHONE = make_field("phone", {"type": "phone", "title": "电话"})
IDNOS = (
    "642222194303129986", "640522202001159997", "640522202009019980", "64052220200918998X", "152722198808089990",
    "341227199804059982", "342130197512319986", "630102196805059994",
)  # fmt: skip
USCCS = (
    "11150621MB1688871X", "11341623672649144T", "N2640522MFTEA00569", "91640522MA76TEA05N", "92640522MA76TEA13E",
    "93640522MA76TEA216", "1264052245TEA0032T", "52640522MJTEA0042K", "1164052201TEA0063E",
)  # fmt: skip


@pytest.mark.parametrize("value", IDNOS)
def test_real_forms_of_idno(value: str) -> None:
    assert IDNO.parse(value) == value


@pytest.mark.parametrize(
    ("value", "id"),
    [
        ("642222194303129987", "idno.checksum"),
        ("640522202002301234", "idno.birth"),
        ("640522209901011234", "idno.birth"),
        ("640522150001011234", "idno.birth"),
        ("64222219430312998", "idno.format"),
        ("６42222194303129986", "idno.format"),
        (642222194303129986, "text.type"),
        ("642222194303129986\n", "idno.format"),
    ],
)
def test_bad_idno(value: object, id: str) -> None:
    with pytest.raises(FieldError) as caught:
        IDNO.parse(value)
    assert caught.value.id == id
    assert str(value) not in caught.value.message


def test_small_x_is_kept_large() -> None:
    assert IDNO.parse("64052220200918998x") == "64052220200918998X"


@given(st.sampled_from(IDNOS), st.integers(0, 17), st.integers(1, 9))
def test_any_wrong_digit_of_an_idno_is_found(value: str, at: int, shift: int) -> None:
    digit = "0123456789X".index(value[at])
    wrong = value[:at] + str((digit + shift) % 10) + value[at + 1 :]
    if wrong != value:
        with pytest.raises(FieldError):
            IDNO.parse(wrong)


@pytest.mark.parametrize("value", USCCS)
def test_real_forms_of_uscc(value: str) -> None:
    assert USCC.parse(value.lower()) == value


@given(st.sampled_from(USCCS), st.integers(2, 17), st.sampled_from(USCC_ALPHABET))
def test_any_wrong_character_of_a_uscc_is_found(value: str, at: int, character: str) -> None:
    wrong = value[:at] + character + value[at + 1 :]
    if wrong != value:
        with pytest.raises(FieldError):
            USCC.parse(wrong)


@pytest.mark.parametrize(
    ("value", "id"),
    [
        ("91640522MA76TEA05M", "uscc.checksum"),
        ("Z1640522MA76TEA05N", "uscc.format"),
        ("N4640522MFTEA00569", "uscc.format"),
        ("91640522MA76TEA0I5", "uscc.format"),
    ],
)
def test_bad_uscc(value: str, id: str) -> None:
    with pytest.raises(FieldError) as caught:
        USCC.parse(value)
    assert caught.value.id == id


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("宁E12345", "宁E12345"),
        ("宁E·1234a", "宁E1234A"),
        ("宁ED12345", "宁ED12345"),
        ("青AF1234D", None),
        ("宁E12345D", "宁E12345D"),
        ("宁A1234挂", "宁A1234挂"),
        ("粤Z1234港", "粤Z1234港"),
        ("使123456", "使123456"),
        ("宁I12345", None),
        ("宁E1234O", None),
        ("E12345", None),
        ("宁E123456", None),
    ],
)
def test_plates(value: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(FieldError):
            PLATE.parse(value)
    else:
        assert PLATE.parse(value) == kept


@pytest.mark.parametrize("value", ["13800000000", "19912345678", "0955-4012345", "09554012345", "400-800-1234"])
def test_phones(value: str) -> None:
    assert PHONE.parse(value) == value


@pytest.mark.parametrize("value", ["12800000000", "1380000000", "+8613800000000", "1380000000０", "110"])
def test_bad_phones(value: str) -> None:
    with pytest.raises(FieldError, match="手机号"):
        PHONE.parse(value)
