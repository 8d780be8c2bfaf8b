"""Coordinates come in four dialects; the store knows CGCS2000 only (within centimetres of WGS84)."""

from __future__ import annotations

from math import atan2 as angle
from math import cos, pi, sin, sqrt

#: GCJ-02 is defined on the Krasovsky 1940 ellipsoid.
_A = 6_378_245.0
_EE = 0.006_693_421_622_965_943
_BD = pi * 3000 / 180
CRS = ("CGCS2000", "WGS84", "GCJ02", "BD09")


def _waves(x: float, y: float) -> float:
    return 20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)


def _shift(lng: float, lat: float) -> tuple[float, float]:
    """How far GCJ-02 lies from WGS84 here, in degrees."""
    x, y = lng - 105, lat - 35
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    d_lng = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    d_lat += (_waves(x, y) + 20 * sin(y * pi) + 40 * sin(y / 3 * pi) + 160 * sin(y / 12 * pi)) * 2 / 3
    d_lat += 320 * sin(y * pi / 30) * 2 / 3
    d_lng += (_waves(x, y) + 20 * sin(x * pi) + 40 * sin(x / 3 * pi) + 150 * sin(x / 12 * pi)) * 2 / 3
    d_lng += 300 * sin(x / 30 * pi) * 2 / 3
    radians = lat / 180 * pi
    magic = 1 - _EE * sin(radians) ** 2
    return (
        d_lng * 180 / (_A / sqrt(magic) * cos(radians) * pi),
        d_lat * 180 / (_A * (1 - _EE) / (magic * sqrt(magic)) * pi),
    )


def gcj02_of(lng: float, lat: float) -> tuple[float, float]:
    d_lng, d_lat = _shift(lng, lat)
    return lng + d_lng, lat + d_lat


def bd09_of(lng: float, lat: float) -> tuple[float, float]:
    x, y = gcj02_of(lng, lat)
    z, theta = sqrt(x * x + y * y) + 0.00002 * sin(y * _BD), angle(y, x) + 0.000003 * cos(x * _BD)
    return z * cos(theta) + 0.0065, z * sin(theta) + 0.006


def to_cgcs2000(lng: float, lat: float, crs: str) -> tuple[float, float]:
    """Undo a shift by fixed-point iteration: the forward formula is the definition, its inverse has no closed form."""
    forward = {"GCJ02": gcj02_of, "BD09": bd09_of}.get(crs)
    if forward is None:
        return lng, lat
    x, y = lng, lat
    for _ in range(20):
        shifted_x, shifted_y = forward(x, y)
        x, y = x + lng - shifted_x, y + lat - shifted_y
    return x, y
