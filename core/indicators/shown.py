"""What is told of a sum: a value, or why there is none. Small groups of persons are not told, and not to be worked out
from the others either."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeVar

from core.indicators.counting import Sum
from core.manifest.indicators import Indicator

#: missing: not counted · empty: counted, but there was nothing to divide by · few: fewer than may be told · hidden:
#: left out so that a small one cannot be worked out.
State = Literal["value", "missing", "empty", "few", "hidden"]
#: Digits after the point.
_DIGITS = {"share": 1, "avg": 2}
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Shown:
    state: State
    value: Decimal | None = None
    #: Rows it was made of.
    size: int | None = None


MISSING = Shown("missing")
FEW, HIDDEN = Shown("few"), Shown("hidden")


def value_of(indicator: Indicator, one: Sum) -> Decimal | None:
    """None where there is nothing to divide by; a share is in percent."""
    total = Decimal(one.numerator).scaleb(-indicator.scale)
    if indicator.measure in ("count", "sum"):
        return total
    if not one.denominator:
        return None
    digits = _DIGITS[indicator.measure]
    whole = total * (100 if indicator.measure == "share" else 1) / one.denominator
    return whole.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def shown(indicator: Indicator, one: Sum) -> Shown:
    """By itself."""
    if 0 < one.denominator < indicator.group_min:
        return FEW
    value = value_of(indicator, one)
    return Shown("empty", size=0) if value is None else Shown("value", value, one.denominator)


def shown_beside(indicator: Indicator, parts: Mapping[K, Sum], whole: Sum) -> dict[K, Shown]:
    """Parts of a whole that is told, too: what is left out together is at least as large as a group must be."""
    found = {key: shown(indicator, one) for key, one in parts.items()}
    # What lies in no part is never told by itself.
    untold = whole.denominator - sum(one.denominator for one in parts.values())
    untold += sum(one.denominator for key, one in parts.items() if found[key] is FEW)
    told = sorted((one.denominator, str(key), key) for key, one in parts.items() if found[key].state == "value")
    for size, _, key in told:
        if not 0 < untold < indicator.group_min:
            break
        if size:
            found[key] = HIDDEN
            untold += size
    return found


def is_worse(indicator: Indicator, one: Sum) -> bool:
    """Than the alarm. A few rows make no rate."""
    value = value_of(indicator, one)
    is_rate = indicator.measure in ("share", "avg")
    if value is None or indicator.alarm_at is None or (is_rate and one.denominator < indicator.group_min):
        return False
    return indicator.is_worse(float(value), indicator.alarm_at)
