"""What e-licences say that nobody has to write again: their own facts, with type and masked number as the source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tongban_sdk.actor import Actor

from core.fields.masks import MASKS

LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class Held:
    """A licence that is good today, as its holder finds it in the wallet."""

    type: str
    title: str
    number: str
    unit: str
    uscc: str
    issued_on: date
    valid_to: date | None

    @property
    def facts(self) -> Mapping[str, str | None]:
        """By the names a form may ask for (core.manifest.form_checks.LICENCE_FACTS), as JSON."""
        return {
            "number": self.number, "unit": self.unit, "uscc": self.uscc, "issued_on": self.issued_on.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
        }  # fmt: skip

    @property
    def source(self) -> str:
        return f"{self.title}（{MASKS['tail4'].apply(self.number)}）"


#: Licences the caller may use, good ones only; handed in from above, because the wallet lies higher than forms.
Licences = Callable[[Actor], Awaitable[Sequence[Held]]]


def the_one(held: Sequence[Held], type: str) -> Held | None:
    """Without doubt: the only one of its type."""
    found = [licence for licence in held if licence.type == type]
    return found[0] if len(found) == 1 else None
