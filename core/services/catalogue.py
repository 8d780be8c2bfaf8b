"""The service items in force on a day, of one generation, and how they are found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tongban_sdk.errors import NotFoundError

from core.expr.clock import china_day
from core.fields.times import utc_now
from core.manifest.cases import Service
from core.manifest.items import standard_elements, version_on
from core.manifest.model import Plugin, World
from core.services.search import Index

#: Where values stand in a summary, with the brackets around them.
_PLACEHOLDER = re.compile(r"[（(]?\{[^}]*\}[）)]?")


@dataclass(frozen=True)
class Item:
    """A service item in its version of today, with the department that answers for it."""

    plugin: Plugin
    service: Service

    @property
    def key(self) -> str:
        return self.service.key

    @property
    def department(self) -> str:
        return str(self.elements.get("dept_name", ""))

    @cached_property
    def elements(self) -> dict[str, object]:
        """基本目录 and 实施清单 by the names of the standard."""
        return standard_elements(self.service, self.plugin.department)

    @property
    def summary(self) -> str:
        """What it is about, without the values that one case would have."""
        return _PLACEHOLDER.sub("", self.service.summary).strip()


class Catalogue:
    """All items in force on a day, by plugin and id."""

    def __init__(self, world: World, day: date) -> None:
        self.world, self.day = world, day
        self.items = {item.key: item for item in _items(world, day)}

    @cached_property
    def topics(self) -> dict[str, int]:
        """Topic → number of items, the fullest first."""
        counts: dict[str, int] = {}
        for item in self.items.values():
            for topic in item.service.topics:
                counts[topic] = counts.get(topic, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def get(self, key: str) -> Item:
        found = self.items.get(key)
        if found is None:
            raise NotFoundError("没有这个事项，或者现在不受理", hint="请在办事指南里重新选择事项")
        return found

    def choose(self, *, topic: str = "", audience: str = "", plugin: str = "") -> list[Item]:
        """By plugin and id."""
        return [
            item
            for _, item in sorted(self.items.items())
            if (not topic or topic in item.service.topics)
            and (not audience or audience in item.service.audience)
            and (not plugin or plugin == item.plugin.id)
        ]

    async def search(self, text: str) -> list[Item]:
        """Items that answer the words, the best first. Outside the event loop: thousands of texts are read."""
        index = self.__dict__.get("index")
        if index is None:
            index = self.__dict__["index"] = await asyncio.to_thread(Index, list(self._texts()))
        return [self.items[key] for key in await asyncio.to_thread(index.find, text)]

    def _texts(self) -> Iterator[tuple[str, int, str]]:
        """What an item is found by: its title first, then its other names, its topics, its summary."""
        for item in self.items.values():
            service = item.service
            yield item.key, 0, service.title
            yield from ((item.key, 1, name) for name in service.synonyms)
            yield from ((item.key, 2, topic) for topic in service.topics)
            yield item.key, 3, item.summary


@dataclass
class Shelf:
    """Keeps the catalogue of the generation and the day that were asked for last. One per process."""

    _kept: Catalogue | None = None

    def of(self, world: World) -> Catalogue:
        day, kept = china_day(utc_now()), self._kept
        if kept is None or kept.world is not world or kept.day != day:
            kept = self._kept = Catalogue(world, day)
        return kept


def _items(world: World, day: date) -> Iterator[Item]:
    for plugin in world.plugins.values():
        for versions in plugin.services.values():
            found = version_on(versions, day)
            # What only the system files is no offer.
            if found is not None and set(found.channels) != {"system"}:
                yield Item(plugin, found)
