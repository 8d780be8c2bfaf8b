"""Who speaks to an outside system: one adapter per connector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.connectors.simulator import Simulator
from core.connectors.wire import Call
from core.identity.providers import load_provider
from core.manifest.connectors import Connector, connectors_of
from core.manifest.model import World
from core.settings import Settings, SettingsError

SETTING = "TONGBAN_CONNECTORS"


class Adapter(Protocol):
    """Made once with `connector`, `secrets_dir` and `data_dir`."""

    async def call(self, call: Call) -> Mapping[str, Any]:
        """The answer as JSON values. ProviderError: try again later; RefusedError: never. What it has seen already
        (`call.key`) it must not do again, but answer as before."""
        ...


@dataclass
class Adapters:
    """By connector, made when first asked for."""

    specs: Mapping[str, str]
    #: Development: who has no adapter is simulated; elsewhere his calls wait.
    simulates: bool
    secrets_dir: Path
    data_dir: Path

    def __post_init__(self) -> None:
        self._made: dict[str, tuple[Connector, Adapter]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Adapters:
        specs = read_specs(settings.connectors)
        return cls(specs, settings.profile == "dev", settings.secrets_dir, settings.data_dir)

    def kind(self, key: str) -> str:
        """What speaks for a connector: a class, "simulator", or "" = nobody."""
        return self.specs.get(key) or ("simulator" if self.simulates else "")

    def get(self, connector: Connector) -> Adapter | None:
        """None = nobody; SettingsError for a class that cannot be used."""
        known = self._made.get(connector.key)
        # The manifest may have moved on.
        if known is not None and known[0] is connector:
            return known[1]
        made = self._make(connector)
        if made is not None:
            self._made[connector.key] = (connector, made)
        return made

    def _make(self, connector: Connector) -> Adapter | None:
        if spec := self.specs.get(connector.key):
            made: Adapter = load_provider(
                SETTING, spec, connector=connector, secrets_dir=self.secrets_dir, data_dir=self.data_dir
            )
            return made
        return Simulator(connector, self.data_dir) if self.simulates else None

    def check(self, world: World) -> None:
        """SettingsError for an adapter that cannot be made: told at the start. Of connectors whose application is not
        here nothing is said."""
        known = {connector.key: connector for connector in connectors_of(world)}
        for key in self.specs:
            if key in known:
                self.get(known[key])


def read_specs(text: str) -> dict[str, str]:
    """`core.hotline=package.module:Class, …`."""
    return dict(_pairs(part.strip() for part in text.split(",") if part.strip()))


def _pairs(parts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for part in parts:
        key, equals, spec = part.partition("=")
        if not equals or "." not in key or ":" not in spec:
            raise SettingsError(f"{SETTING} 的 {part!r} 无效：应为 插件.连接器=包.模块:类，用逗号隔开")
        yield key.strip(), spec.strip()
