"""What a purpose asks people to agree to: its words, the fields it covers, and a version of both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from core.manifest.model import Plugin, Purpose

VERSION_CHARS = 32


@dataclass(frozen=True, slots=True)
class PurposeText:
    """A purpose as a citizen is told of it."""

    plugin_id: str
    plugin_title: str
    purpose: Purpose
    #: "house_person.phone": every field that is held for this purpose.
    fields: tuple[str, ...]
    #: Changes whenever the words or the fields do: consent to other words is none.
    version: str

    @property
    def key(self) -> str:
        """The name in the ledger and in rules: "community.visit"."""
        return f"{self.plugin_id}.{self.purpose.id}"


def purposes_of(plugin: Plugin) -> dict[str, PurposeText]:
    """By key, in the order of the manifest."""
    texts = (purpose_text(plugin, purpose) for purpose in plugin.purposes.values())
    return {text.key: text for text in texts}


def purpose_text(plugin: Plugin, purpose: Purpose) -> PurposeText:
    fields = tuple(
        sorted(
            f"{e.name}.{f.name}" for e in plugin.entities.values() for f in e.fields.values() if f.purpose == purpose.id
        )
    )
    words = orjson.dumps([purpose.title, purpose.text, fields])
    version = hashlib.sha256(words).hexdigest()[:VERSION_CHARS]
    return PurposeText(plugin.id, plugin.title, purpose, fields, version)
