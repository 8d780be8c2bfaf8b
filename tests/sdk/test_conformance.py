"""The SDK's conformance suite on the real host: the fake of the SDK promises nothing the host does not keep."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from graphql import graphql
from tongban_sdk import Actor, HostApi
from tongban_sdk.conformance import CHECKS, Check

from core.access.service import service_actor
from core.api.compose import Composer
from core.host import Host, open_host
from core.plugins import discovery
from core.read import RequestContext
from core.settings import read_settings

SAMPLE = Path(__file__).parents[2] / "sdk" / "samples" / "reading_room" / "src"


@dataclass
class RealHost:
    """core.host.Host as the suite wants to hold it."""

    host: Host

    def api(self, actor: Actor) -> HostApi:
        return self.host.generation.host_api(actor)

    def service(self, plugin_id: str) -> HostApi:
        return self.host.generation.host_api(service_actor(plugin_id))

    async def settle(self) -> None:
        await self.host.registry.jobs.run_all()

    async def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, actor: Actor) -> dict[str, Any]:
        generation = self.host.generation
        context = RequestContext(generation=generation, actor=actor, database=self.host.database, host=self.host)
        result = await graphql(generation.graphql, query, variable_values=dict(variables or {}), context_value=context)
        errors = [
            {"message": e.message, "code": getattr(e.original_error, "code", "INTERNAL")} for e in result.errors or ()
        ]
        return {"data": result.data, **({"errors": errors} if errors else {})}


@asynccontextmanager
async def _open(place: tuple[str, str | None], folder: Path) -> AsyncIterator[RealHost]:
    url, schema = place
    settings = read_settings({
        "TONGBAN_DATA_DIR": str(folder), "TONGBAN_DATABASE_URL": url,
        "TONGBAN_MANIFESTS": str(SAMPLE / "reading_room" / "manifest"),
    })  # fmt: skip
    async with open_host(settings, compose=Composer(), schema=schema) as host:
        yield RealHost(host)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def real_host(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RealHost]:
    monkeypatch.syspath_prepend(str(SAMPLE))
    monkeypatch.setattr(discovery, "IN_TREE", discovery.IN_TREE / "core")  # the application would only cost time
    async with _open(database_place, tmp_path) as host:
        await host.host.registry.set_state("reading_room", "off")
        await host.host.registry.set_state("reading_room", "on")
        await host.settle()
        yield host
    for name in [name for name in sys.modules if name.startswith("reading_room")]:
        del sys.modules[name]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_conformance(real_host: RealHost, check: Check) -> None:
    await check(real_host)


async def test_the_guide_lists_every_capability(real_host: RealHost) -> None:
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
    listed = page.partition("## Shared capabilities")[2].partition("\n## ")[0]
    first_cells = [line.partition("|")[2].partition("|")[0] for line in listed.splitlines()]
    names = {name for cell in first_cells for name in re.findall(r"`(\w+\.\w+)`", cell)}
    assert names == real_host.host.registry.offers.keys()
