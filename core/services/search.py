"""Search in a few thousand short texts, in memory: literally, by sound, by first letters, and with a slip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from core.services.readings import Reading, grams, plain, reading_of

QUERY_MAX_CHARS, WORDS_MAX = 50, 5
#: Half of the characters and neighbours in common (Dice): one wrong character of four is forgiven.
ALIKE = 0.5
#: Ways in which a text may answer, the surest first.
LITERAL, BY_SOUND, ALMOST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One text by which something is found. `rank`: 0 for its title, more for lesser words."""

    key: str
    rank: int
    reading: Reading


#: The smaller the better: way, rank of the text, how much of the text the words miss.
Score = tuple[int, int, float]


class Index:
    """Built once and never changed."""

    def __init__(self, texts: Iterable[tuple[str, int, str]]) -> None:
        """Of (key, rank, text). Slow for many: build it outside the event loop."""
        entries = ((key, rank, reading_of(text)) for key, rank, text in texts)
        self._entries = [Entry(key, rank, reading) for key, rank, reading in entries if reading.text]
        self._grams = [grams(entry.reading.text) for entry in self._entries]

    def find(self, query: str) -> list[str]:
        """Keys whose texts answer every word, the best first; equally good ones by key."""
        words = [word for part in query[:QUERY_MAX_CHARS].split() if (word := plain(part))][:WORDS_MAX]
        if not words:
            return []
        answers = [self._scores(word) for word in words]
        all_answer = set(answers[0]).intersection(*answers[1:])
        worst = {key: max(scores[key] for scores in answers) for key in all_answer}
        return sorted(worst, key=lambda key: (worst[key], key))

    def _scores(self, word: str) -> dict[str, Score]:
        return _best(self._sure(word)) or _best(self._almost(word))

    def _sure(self, word: str) -> Iterator[tuple[str, Score]]:
        reading, is_latin = reading_of(word), word.isascii()
        for entry in self._entries:
            there = entry.reading
            if word in there.text or (len(there.text) > 1 and there.text in word):
                yield entry.key, (LITERAL, entry.rank, _missed(word, there.text))
            elif is_latin and (word in there.initials or _spells(word, there)):
                yield entry.key, (BY_SOUND, entry.rank, _missed(word, there.initials))
            elif not is_latin and len(word) > 1 and reading.syllables in there.syllables:
                yield entry.key, (BY_SOUND, entry.rank, _missed(word, there.text))

    def _almost(self, word: str) -> Iterator[tuple[str, Score]]:
        asked = grams(word)
        for entry, there in zip(self._entries, self._grams, strict=True):
            share = 2 * len(asked & there) / (len(asked) + len(there))
            if share >= ALIKE:
                yield entry.key, (ALMOST, entry.rank, 1 - share)


def _spells(word: str, there: Reading) -> bool:
    """Letters from the beginning of a syllable on: "an" is in 安, not in 办 (ban)."""
    if word not in there.letters:
        return False
    starts = accumulate(map(len, there.syllables.split()), initial=0)
    return any(there.letters.startswith(word, at) for at in starts)


def _missed(word: str, text: str) -> float:
    return 1 - min(len(word), len(text)) / max(len(word), len(text))


def _best(scores: Iterable[tuple[str, Score]]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for key, score in scores:
        if key not in found or score < found[key]:
            found[key] = score
    return found
