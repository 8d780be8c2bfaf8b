"""How a declared value is made: one function per generator word of demo.schema.json."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from core.demo.identity import make_idno, make_uscc
from core.demo.row import Group, Row, plain, read
from core.expr.clock import CHINA

#: Every relative date counts from here, so that two runs on two days are equal.
BASE_DATE = date(2026, 11, 20)
METRES_PER_DEGREE = 111_320.0
#: About five kilometres: how far a village may lie from the middle of its township.
VILLAGE_SPREAD_DEGREES = 0.05

Maker = Callable[[Row], Any]
_HOLE = re.compile(r"\{([a-z0-9_.]+)(?::([^{}]*))?\}", re.ASCII)


class DemoError(ValueError):
    """A declaration that cannot be carried out; the message names the block."""


@dataclass(slots=True)
class Run:
    """What all blocks of one run share."""

    county: str
    people: int
    seed: int
    groups: dict[str, Group] = field(default_factory=dict)
    lists: dict[str, Any] = field(default_factory=dict)
    boxes: dict[str, list[float]] = field(default_factory=dict)
    #: Numbers given out already, by what they are.
    taken: dict[str, set[str]] = field(default_factory=dict)

    def used(self, what: str) -> set[str]:
        return self.taken.setdefault(what, set())


def maker(spec: Any, run: Run, random: Random) -> Maker:
    """A function that makes the declared value for a row."""
    if not isinstance(spec, Mapping):
        return lambda row: spec
    word = next((w for w in MAKERS if w in spec), None)
    if word is None:
        raise DemoError(f"不认识的生成方式 {sorted(spec)}")
    make = MAKERS[word](spec, run, random)
    share = spec.get("share")
    return make if share is None else lambda row: make(row) if random.random() < share else None


def path_of(text: str) -> tuple[str, ...]:
    return tuple(text.split("."))


def _from(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    path = path_of(spec["from"])
    if "without" not in spec:
        return lambda row: read(row, path)
    ending = re.compile(f"({'|'.join(map(re.escape, spec['without']))})$")
    return lambda row: ending.sub("", str(read(row, path)))


def _text(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    pieces: list[tuple[str, tuple[str, ...], str]] = []
    end = 0
    for hole in _HOLE.finditer(spec["text"]):
        pieces.append((spec["text"][end : hole.start()], path_of(hole[1]), hole[2] or ""))
        end = hole.end()
    tail = spec["text"][end:]
    return lambda row: "".join(head + format(read(row, path), form) for head, path, form in pieces) + tail


def _choices(spec: Any, run: Run) -> tuple[list[Any], list[float] | None]:
    listed = run.lists[spec] if isinstance(spec, str) else spec
    return (list(listed), list(listed.values())) if isinstance(listed, Mapping) else (list(listed), None)


def _pick(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    values, weights = _choices(spec["pick"], run)
    if weights is None:
        return lambda row: random.choice(values)
    return lambda row: random.choices(values, weights)[0]


def _some(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    values, _ = _choices(spec["some"], run)
    most = min(spec.get("at_most", 1), len(values))
    return lambda row: random.sample(values, random.randint(1, most))


def _list(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    paths = [path_of(path) for path in spec["list"]]
    return lambda row: [read(row, path) for path in paths]


def _cycle(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    values, every = spec["cycle"], spec.get("every", 1)
    return lambda row: values[row.values["n"] // every % len(values)]


def _digits(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    pattern = spec["digits"]
    used, holes = run.used(pattern), pattern.count("#")
    head, _, _ = pattern.partition("#")
    tail = pattern[len(head) + holes :]

    def make(row: Row) -> str:
        if len(used) >= 10**holes:
            raise DemoError(f"号码 {pattern} 已用完")
        while (number := f"{head}{random.randrange(10**holes):0{holes}}{tail}") in used:
            pass
        used.add(number)
        return number

    return make


def _integer(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    low, high = spec["integer"]
    plus = path_of(spec["plus"]) if "plus" in spec else None
    least, most = spec.get("clamp", (-math.inf, math.inf))

    def make(row: Row) -> int:
        return int(max(least, min(most, random.randint(low, high) + (read(row, plus) if plus else 0))))

    return make


def _decimal(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    low, high = spec["decimal"]
    scale = spec.get("scale", 2)
    return lambda row: f"{random.randint(round(low * 10**scale), round(high * 10**scale)) / 10**scale:.{scale}f}"


def _date(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    low, high = spec["date"]
    after = path_of(spec["after"]) if "after" in spec else None

    def make(row: Row) -> str:
        start = date.fromisoformat(read(row, after)[:10]) if after else BASE_DATE
        return (start + timedelta(days=random.randint(low, high))).isoformat()

    return make


def _datetime(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    low, high = spec["datetime"]
    first, last = spec.get("hours", (0, 24))
    after = path_of(spec["after"]) if "after" in spec else None

    def make(row: Row) -> str:
        if after:
            start = datetime.fromisoformat(read(row, after))
            return (start + timedelta(minutes=random.randint(low, high))).isoformat()
        day = datetime.combine(BASE_DATE, time(), CHINA) + timedelta(days=random.randint(low, high))
        return (day + timedelta(seconds=random.randrange(first * 3600, last * 3600))).isoformat()

    return make


def _birth(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    path = path_of(spec["birth"])

    def make(row: Row) -> str:
        return (BASE_DATE - timedelta(days=round(read(row, path) * 365.2425) + random.randrange(365))).isoformat()

    return make


def _idno(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    birth, sex = path_of(spec["idno"]["birth"]), path_of(spec["idno"]["sex"])
    used = run.used("idno")
    return lambda row: make_idno(random, date.fromisoformat(read(row, birth)), read(row, sex), used)


def _uscc(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    return lambda row: make_uscc(random, spec["uscc"], run.county, run.used("uscc"))


def _point(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    """Townships are scattered over the county's box, villages around their township: places stay together."""
    path, metres = path_of(spec["point"]), spec.get("metres", 800)
    west, south, east, north = run.boxes.get(run.county) or _missing_box(run)

    def near(low: float, high: float, town: Random, village: Random) -> float:
        middle = town.uniform(low, high) + village.uniform(-1, 1) * VILLAGE_SPREAD_DEGREES
        drift = random.uniform(-1, 1) * float(metres) / METRES_PER_DEGREE
        return round(max(low, min(high, middle + drift)), 6)

    def make(row: Row) -> dict[str, Any]:
        code = str(read(row, path))
        town, village = Random(f"{run.seed}:{code[:9]}"), Random(f"{run.seed}:{code}")
        lng = near(west, east, town, village)
        return {"lng": lng, "lat": near(south, north, town, village), "crs": "CGCS2000"}

    return make


def _missing_box(run: Run) -> list[float]:
    raise DemoError(f"没有 {run.county} 的坐标范围：请在 demo 的 boxes 中写明")


def _ref(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    if spec["ref"] not in run.groups:
        raise DemoError(f"引用了尚未生成的组 {spec['ref']}")
    group = run.groups[spec["ref"]]
    paths = tuple(spec.get("match", {}))
    values = [path_of(path) for path in spec.get("match", {}).values()]
    key = path_of(spec["key"]) if "key" in spec else None

    def make(row: Row) -> Row | None:
        found = group.matching(paths, tuple(plain(read(row, value)) for value in values))
        if not found and spec.get("or_any"):
            found = group.rows
        if not found:
            return None
        if key:
            return Random(f"{run.seed}:{plain(read(row, key))}").choice(found)
        return random.choice(found)

    return make


def _by(spec: Mapping[str, Any], run: Run, random: Random) -> Maker:
    path = path_of(spec["by"])
    default = maker(spec.get("else"), run, random)
    if "below" in spec:
        limits = sorted((float(limit), maker(value, run, random)) for limit, value in spec["below"].items())
        return lambda row: next((make for limit, make in limits if read(row, path) < limit), default)(row)
    cases = {key: maker(value, run, random) for key, value in spec.get("cases", {}).items()}
    return lambda row: cases.get(str(read(row, path)), default)(row)


#: The word that decides comes first: `by` may stand beside `else`, `ref` beside `key`.
MAKERS: Mapping[str, Callable[[Mapping[str, Any], Run, Random], Maker]] = {
    "value": lambda spec, run, random: lambda row: spec["value"],
    "by": _by,
    "ref": _ref,
    "from": _from,
    "text": _text,
    "pick": _pick,
    "some": _some,
    "list": _list,
    "cycle": _cycle,
    "digits": _digits,
    "integer": _integer,
    "decimal": _decimal,
    "datetime": _datetime,
    "date": _date,
    "birth": _birth,
    "idno": _idno,
    "uscc": _uscc,
    "point": _point,
}
