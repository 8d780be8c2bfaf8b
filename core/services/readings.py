"""How Chinese text is read: its characters, its syllables, and the first letters of those."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Reading:
    """One text in the forms people look for it in, all in lower case and without punctuation."""

    #: "住宅报修", "zhu zhai bao xiu" as " zhu zhai bao xiu ", "zhuzhaibaoxiu", "zzbx".
    text: str
    syllables: str
    letters: str
    initials: str


def plain(text: str) -> str:
    """Letters and digits of any script, full-width ones as ordinary ones."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


@lru_cache(maxsize=50_000)
def reading_of(text: str) -> Reading:
    """Of many texts: call it outside the event loop; the first call loads the dictionary."""
    from pypinyin import lazy_pinyin

    kept = plain(text)
    syllables: Sequence[str] = lazy_pinyin(kept)
    # What is no Chinese comes as one piece, and is its own initials.
    initials = "".join(part if part in kept else part[0] for part in syllables)
    return Reading(kept, f" {' '.join(syllables)} ", "".join(syllables), initials)


def grams(text: str) -> frozenset[str]:
    """Characters and neighbours: texts that share half of them differ by a slip."""
    return frozenset((*text, *(text[i : i + 2] for i in range(len(text) - 1))))
