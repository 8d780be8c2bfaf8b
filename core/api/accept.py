"""Which of our two media types a client would like, by RFC 9110 §12.5.1."""

from __future__ import annotations

from functools import lru_cache

JSON = b"application/json"
GRAPHQL = b"application/graphql-response+json"
#: A wildcard means the first: legacy clients that say */* expect application/json.
OFFERED = {"application/json": JSON, "application/graphql-response+json": GRAPHQL}


@lru_cache(maxsize=256)
def negotiate(accept: str | None) -> bytes | None:
    """The media type to answer in; None when the client takes neither."""
    if accept is None or not accept.strip():
        return JSON
    ranges = [_range(part) for part in accept[:1000].split(",") if part.strip()]
    weights = {name: _weight(name, ranges) for name in OFFERED}
    best = max(weights.values())
    if best <= 0:
        return None
    named = [name for name, _ in ranges if weights.get(name) == best]
    chosen = named[0] if named else next(name for name, weight in weights.items() if weight == best)
    return OFFERED[chosen]


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (p.strip().lower() for p in part.split(";"))
    weight, charset = 1.0, "utf-8"
    for key, _, value in (p.partition("=") for p in parameters):
        if key.strip() == "q":
            weight = _number(value)
        elif key.strip() == "charset":
            charset = value.strip('" ')
    return name, weight if charset in ("utf-8", "utf8") else 0.0


def _weight(name: str, ranges: list[tuple[str, float]]) -> float:
    """The most specific range decides."""
    for pattern in (name, "application/*", "*/*"):
        if found := [weight for candidate, weight in ranges if candidate == pattern]:
            return max(found)
    return 0.0


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
