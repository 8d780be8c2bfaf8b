"""Whatever is sealed comes back; whatever is touched does not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import SealError, TamperedError, Vault
from core.crypto.aes import Aes
from core.crypto.fields import open_canonical, open_value, seal_value
from core.crypto.keys import USES, Key
from core.crypto.sm import Sm
from core.fields import make_field
from core.store.json_values import of_json, to_json
from tests.worlds import entity

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ROW = "01890000-0000-7000-8000-000000000001"


def vault(profile: str) -> Vault:
    """Keys in memory; nothing of it asks the database."""
    providers = {p.profile: p for p in (Sm(bytes(32)), Aes(bytes(32)))}
    made = Vault(None, providers, profile)  # type: ignore[arg-type]  # never asked
    for number, use in enumerate(USES):
        provider = providers[profile]
        key = Key(f"{profile}{use[0]}{number}", use, 1, provider, provider.new_key(), NOW, NOW)
        made._keys[key.id] = key
        made._newest[use] = [key]
    return made


VAULTS = {profile: vault(profile) for profile in ("sm", "aes")}
PROFILES = st.sampled_from(sorted(VAULTS))


@given(PROFILES, TEXTS, TEXTS)
def test_any_text_comes_back(profile: str, text: str, context: str) -> None:
    assert VAULTS[profile].unseal(VAULTS[profile].seal(text, context), context) == text


@given(PROFILES, TEXTS, TEXTS, TEXTS)
def test_a_context_cannot_be_swapped(profile: str, text: str, context: str, other: str) -> None:
    sealed = VAULTS[profile].seal(text, context)
    if other != context:
        with pytest.raises(TamperedError):
            VAULTS[profile].unseal(sealed, other)
        assert VAULTS[profile].lookup(text, context) != VAULTS[profile].lookup(text, other)


@given(PROFILES, TEXTS, st.data())
def test_one_bit_is_noticed(profile: str, text: str, data: st.DataObject) -> None:
    head, _, body = VAULTS[profile].seal(text, "c").rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    changed = f"{head}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"
    with pytest.raises(TamperedError):
        VAULTS[profile].unseal(changed, "c")


@given(PROFILES, TEXTS)
def test_anything_else_is_refused_with_a_type(profile: str, text: str) -> None:
    for sealed in (text, f"tb1.{text}", f"tb1.{VAULTS[profile].current('data').id}.{text}"):
        with pytest.raises(SealError):
            VAULTS[profile].unseal(sealed, "c")


@given(PROFILES, st.binary(), st.binary())
def test_a_mac_is_of_its_bytes_only(profile: str, data: bytes, other: bytes) -> None:
    mac = VAULTS[profile].mac(data)
    assert VAULTS[profile].has_mac(data, mac)
    assert VAULTS[profile].has_mac(other, mac) is (other == data)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)
#: Type and options of a field → canonical values of it.
CANONICAL: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "text": ({"type": "text"}, TEXTS),
    "integer": ({"type": "integer"}, st.integers(-(2**53), 2**53)),
    "boolean": ({"type": "boolean"}, st.booleans()),
    "decimal": (
        {"type": "decimal", "precision": 18, "scale": 4},
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14),
    ),
    "date": ({"type": "date"}, st.dates(datetime(1000, 1, 1).date())),
    "datetime": (
        {"type": "datetime"},
        st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)).map(
            lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
        ),
    ),
    "time": ({"type": "time"}, st.times().map(lambda at: at.replace(microsecond=0))),
    "point": ({"type": "point"}, st.tuples(st.integers(70 * 10**7, 140 * 10**7), st.integers(0, 55 * 10**7))),
    "list": ({"type": "list", "of": "string"}, st.lists(TEXTS)),
    "json": ({"type": "json"}, JSONS.filter(lambda value: value is not None)),
}


@pytest.mark.parametrize("kind", CANONICAL)
def test_any_value_of_any_kind_comes_back_for_its_field_of_its_row(kind: str) -> None:
    spec, values = CANONICAL[kind]
    home = entity("clinic", "visit", {"a": {**spec, "level": "L4"}, "b": {**spec, "level": "L4"}})
    field, other = home.fields["a"], home.fields["b"]

    @given(PROFILES, values)
    def check(profile: str, value: Any) -> None:
        keys = VAULTS[profile]
        sealed = seal_value(keys, home, field, ROW, value)
        assert open_canonical(keys, home, field, ROW, sealed) == value
        assert open_value(keys, home, field, ROW, sealed) == to_json(value)
        for wrong in (lambda: open_value(keys, home, other, ROW, sealed), lambda: _elsewhere(keys, sealed)):
            _refused(wrong)

    def _elsewhere(keys: Vault, sealed: str) -> Any:
        return open_value(keys, home, field, ROW[:-1] + "2", sealed)

    check()


def _refused(call: Callable[[], Any]) -> None:
    with pytest.raises(TamperedError):
        call()


def test_choices_no_longer_listed_are_not_shown() -> None:
    home = entity("clinic", "visit", {"a": {"type": "enum", "values": {"x": "甲"}, "level": "L4"}})
    field = home.fields["a"]
    sealed = seal_value(VAULTS["sm"], home, field, ROW, "gone")
    assert open_value(VAULTS["sm"], home, field, ROW, sealed) is None
    assert of_json(make_field("f", {"type": "string", "title": "f"}), None) is None
