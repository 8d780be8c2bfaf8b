"""One document ready to be printed, and what a printer is. PDF is one class; OFD (GB/T 33190) is one more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that stands on the paper."""

    title: str
    paragraphs: tuple[str, ...]
    number: str
    unit: str
    issued_on: date
    #: The last day it is good for; None = no end.
    valid_to: date | None
    #: In groups, as people type it.
    code: str
    #: Address of the verification page, in the QR code.
    address: str


class MissingGlyphError(Exception):
    """The font lacks a letter of the text: a name would be printed with a hole in it."""


class Renderer(Protocol):
    """Makes a file of a sheet. Computes for a while, so it is called in a thread, never inside a transaction."""

    #: Media type and ending of the files.
    mime: ClassVar[str]
    suffix: ClassVar[str]

    def render(self, sheet: Sheet) -> bytes:
        """MissingGlyphError when the font cannot write the text."""
        ...
