"""Seeded rows of the bench: the same numbers give the same rows, on every database, in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

COUNTIES = ("640502", "640521", "640522", "640181")
TOWNSHIPS = 20
#: The county the restricted user works for.
STAFF_COUNTY = "640522000000"
CATEGORIES = ("water", "road", "light", "green", "noise", "waste")
STATES = ("open", "working", "done", "closed")
START = datetime(2024, 1, 1, tzinfo=UTC)
SURNAMES = "马王李张田杨刘白穆何罗苏冯周金"
GIVEN = "伟芳娜敏静强磊洋艳勇军杰娟涛明超秀霞平刚"
#: Share of people who reported anything, so that a reporter has more than five events.
REPORTERS = 0.4


@dataclass(frozen=True, slots=True)
class Size:
    """How much data a run works on."""

    events: int = 200_000
    people: int = 50_000
    seed: int = 1


def divisions(county: str) -> list[str]:
    return [f"{county[:6]}{101 + n}000" for n in range(TOWNSHIPS)]


ALL_DIVISIONS = [division for county in COUNTIES for division in divisions(county)]


def people(size: Size) -> Iterator[Row]:
    chance = random.Random(size.seed)
    for number in range(size.people):
        yield {
            **_system(chance, number, person_division(number)),
            "number": number,
            "name": chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.randint(1, 2))),
            "phone": f"1{chance.choice('3578')}{chance.randrange(10**9):09d}",
            "sex": chance.choice(("male", "female")),
        }


def events(size: Size) -> Iterator[Row]:
    """Each event has its own moment, so that newest first is one order and no other."""
    person_ids = [row["id"] for row in people(size)]
    reporters = max(1, int(size.people * REPORTERS))
    chance = random.Random(size.seed + 1)
    for number in range(size.events):
        reporter = chance.randrange(reporters)
        yield {
            **_system(chance, number, _event_division(chance, reporter)),
            "title": f"{chance.choice('东西南北')}街{chance.randrange(1, 400)}号第{number}件",
            "category": chance.choice(CATEGORIES),
            "state": chance.choice(STATES),
            "amount": None if number % 11 == 0 else Decimal(chance.randrange(1, 10**6)) / 100,
            "happened_at": _moment(number),
            "score": None if number % 7 == 0 else chance.randrange(101),
            "reporter_id": person_ids[reporter],
            "urgent": number % 5 == 0,
        }


def person_division(number: int) -> str:
    return ALL_DIVISIONS[number % len(ALL_DIVISIONS)]


def _event_division(chance: random.Random, reporter: int) -> str:
    """Nine of ten at home in the county, one anywhere: the row rule has something to hide."""
    if chance.random() < 0.1:
        return chance.choice(ALL_DIVISIONS)
    county = person_division(reporter)[:6]
    return f"{county}{101 + chance.randrange(TOWNSHIPS)}000"


def _moment(number: int) -> datetime:
    """Shuffled over time by a step that is coprime to its modulus, so that no two are equal below 2,000,003 rows."""
    return START + timedelta(seconds=number * 1_000_003 % 2_000_003 * 30, milliseconds=number % 1000)


def _system(chance: random.Random, number: int, division: str) -> Row:
    """System columns; the id is a version 7 UUID whose clock starts where the data starts."""
    milliseconds = int(START.timestamp() * 1000) + number
    bits = milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    text = f"{bits:032x}"
    return {
        "id": f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}",
        "division": division,
        "org": None,
        "created_at": START,
        "created_by": "bench",
        "updated_at": START,
        "updated_by": "bench",
        "version": 1,
        "deleted_at": None,
    }
