"""Cells of the map: squares of a power of two ten-millionths of a degree, the same for every viewport."""

from __future__ import annotations

from dataclasses import dataclass

#: Cells below this many bits (0.0033°, about 300 m) would show where a single person lives.
PERSON_BITS = 15
#: A whole turn has 3.6e9 ≈ 2^31.7 units; a tile of zoom z has 2^-z of it, and is cut into 4 × 4 cells.
_TILE_BITS = 31
_CUTS = 2


@dataclass(frozen=True, slots=True)
class Box:
    """Edges in 1e-7 degrees, CGCS2000, all four included."""

    west: int
    south: int
    east: int
    north: int

    def snapped(self, bits: int) -> Box:
        """The cells it touches, whole: what a cell counts does not hang on where the screen ends."""
        rest = (1 << bits) - 1
        return Box(self.west & ~rest, self.south & ~rest, self.east | rest, self.north | rest)

    def cells(self, bits: int) -> int:
        return ((self.east >> bits) - (self.west >> bits) + 1) * ((self.north >> bits) - (self.south >> bits) + 1)


def bits_for(box: Box, zoom: int, cells_max: int, least: int = 0) -> int:
    """The finest cells of a zoom of which no more than `cells_max` lie in the box."""
    bits = max(_TILE_BITS - _CUTS - zoom, least, 0)
    while box.cells(bits) > cells_max:
        bits += 1
    return bits


def centre(index: int, bits: int) -> int:
    """The middle of a cell along one axis, in 1e-7 degrees."""
    return (index << bits) + (1 << bits) // 2
