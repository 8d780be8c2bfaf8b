"""Numbers that are valid and belong to nobody."""

from __future__ import annotations

from datetime import date
from random import Random

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
#: Small counties never came near the sequences 998 and 999 on one day of birth.
SMALL_COUNTIES = ("642222", "640421", "640522")
#: The code 640522 did not exist before 2003: with an earlier birth no real number begins with it.
NEW_CODE, NEW_CODE_FROM = "640522", date(2003, 1, 1)


def id_check(body: str) -> str:
    return "10X98765432"[sum(int(d) * w for d, w in zip(body, ID_WEIGHTS, strict=True)) % 11]


def make_idno(random: Random, birth: date, sex: str, taken: set[str]) -> str | None:
    """A number under the fixture rule only; None when those of the day are used up."""
    day = birth.strftime("%Y%m%d")
    last = "999" if sex == "1" else "998"
    areas = SMALL_COUNTIES[:1] if birth < date(2001, 1, 1) else SMALL_COUNTIES[::-1]
    for area in areas:
        if number := _free(f"{area}{day}{last}", taken):
            return number
    if birth >= NEW_CODE_FROM:
        return None
    for _ in range(100):
        sequence = random.randrange(0 if sex == "2" else 1, 1000, 2)
        if number := _free(f"{NEW_CODE}{day}{sequence:03}", taken):
            return number
    return None


def _free(body: str, taken: set[str]) -> str | None:
    if body in taken:
        return None
    taken.add(body)
    return body + id_check(body)


def make_uscc(random: Random, kind: str, division: str, taken: set[str]) -> str | None:
    """A unified social credit code whose organisation part begins "MATE": a made-up series. None when used up."""
    head = kind + division[:6]
    for _ in range(1000):
        org = f"MATE{random.randrange(10_000):04}"
        if head + org not in taken:
            break
    else:
        return None
    taken.add(head + org)
    check = (11 - sum(int(c, 36) * w for c, w in zip(org, ORG_WEIGHTS, strict=True)) % 11) % 11
    body = head + org + ("X" if check == 10 else str(check))
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(body, USCC_WEIGHTS, strict=True))
    return body + USCC_ALPHABET[(31 - total % 31) % 31]
