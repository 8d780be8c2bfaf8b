"""The Python parts of one generation's plugins, called one by one so that each answers for itself."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy
from strawberry.utils.str_converters import to_camel_case
from tongban_sdk import hookspecs
from tongban_sdk.host_api import GraphqlTypes, JobHandler

from core.manifest.model import Plugin
from core.plugins.breaker import Breaker
from core.plugins.errors import HookFailedError, HookResultError, PluginError
from core.plugins.guarded import guarded

#: Seconds for a whole call; documented at each hook in tongban_sdk/hookspecs.py.
LIMITS_S: Mapping[str, float] = {
    "graphql_types": 1.0,
    "jobs": 1.0,
    "check_change": 0.5,
    "on_changed": 30.0,
    "on_enabled": 30.0,
    "on_disabled": 2.0,
}
#: More handlers than any manifest may name: an answer larger than this is nonsense.
HANDLERS_MAX = 200


@dataclass(frozen=True, eq=False)
class Part:
    """The Python part of one plugin, imported, validated and asked for its contributions."""

    plugin_id: str
    manager: pluggy.PluginManager
    breaker: Breaker
    types: GraphqlTypes = field(default_factory=GraphqlTypes)
    handlers: Mapping[str, JobHandler] = field(default_factory=dict)

    def has(self, hook: str) -> bool:
        return bool(getattr(self.manager.hook, hook).get_hookimpls())

    async def call(self, hook: str, **arguments: Any) -> Any:
        """Call one hook; raises RequestError of the plugin's own or PluginError."""
        result = await guarded(
            self.plugin_id, hook, lambda: _first(self.manager, hook, arguments),
            limit_s=LIMITS_S[hook], breaker=self.breaker,
        )  # fmt: skip
        if result is not None:
            raise self._blame(HookResultError(self.plugin_id, hook, "None", type(result).__name__))
        return result

    async def run(self, hook: str, call: Callable[[], Any], limit_s: float, stretch_s: float) -> Any:
        """Run something else of the plugin (a job handler, a resolver) under the same guard."""
        return await guarded(self.plugin_id, hook, call, limit_s=limit_s, stretch_s=stretch_s, breaker=self.breaker)

    def _blame(self, error: PluginError) -> PluginError:
        self.breaker.failed(str(error))
        return error


def _first(manager: pluggy.PluginManager, hook: str, arguments: Mapping[str, Any]) -> Any:
    answers = getattr(manager.hook, hook)(**arguments)
    return answers[0] if answers else None


async def load_part(plugin: Plugin, breaker: Breaker) -> Part | None:
    """Import and ask; nothing is registered anywhere else, so a failure leaves no trace. PluginError says why not."""
    if not plugin.entry:
        return None
    manager = await guarded(plugin.id, "import", lambda: _register(plugin), limit_s=5.0, stretch_s=5.0)
    types = await _ask(plugin.id, manager, "graphql_types", GraphqlTypes)
    _check_types(plugin, types or GraphqlTypes())
    handlers = await _ask(plugin.id, manager, "jobs", Mapping)
    _check_handlers(plugin, handlers or {})
    return Part(plugin.id, manager, breaker, types or GraphqlTypes(), dict(handlers or {}))


async def _ask(plugin_id: str, manager: pluggy.PluginManager, hook: str, expected: type) -> Any:
    answer = await guarded(plugin_id, hook, lambda: _first(manager, hook, {}), limit_s=LIMITS_S[hook])
    if answer is not None and not isinstance(answer, expected):
        raise HookResultError(plugin_id, hook, expected.__name__, type(answer).__name__)
    return answer


def _register(plugin: Plugin) -> pluggy.PluginManager:
    module_name, _, attribute = plugin.entry.partition(":")
    target = importlib.import_module(module_name)
    for name in filter(None, attribute.split(".")):
        target = getattr(target, name)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(target() if inspect.isclass(target) else target, plugin.id)
    manager.check_pending()
    return manager


def _check_types(plugin: Plugin, types: GraphqlTypes) -> None:
    """Root fields carry the plugin's name, so that no plugin can take a name from another."""
    prefix = to_camel_case(plugin.id)
    for root in filter(None, (types.query, types.mutation)):
        definition = getattr(root, "__strawberry_definition__", None)
        if definition is None:
            raise HookResultError(plugin.id, "graphql_types", "strawberry 类型", root.__name__)
        names = [field.graphql_name or to_camel_case(field.python_name) for field in definition.fields]
        if wrong := [name for name in names if not name.startswith(prefix)]:
            raise HookResultError(plugin.id, "graphql_types", f"以 {prefix} 开头的字段", "、".join(wrong))


def _check_handlers(plugin: Plugin, handlers: Mapping[Any, Any]) -> None:
    good = len(handlers) <= HANDLERS_MAX and all(
        isinstance(name, str) and inspect.iscoroutinefunction(handler) for name, handler in handlers.items()
    )
    if not good:
        raise HookResultError(plugin.id, "jobs", "名称 → async 函数", "别的值")
    if missing := sorted({job.run for job in plugin.jobs.values()} - set(handlers)):
        raise HookFailedError(plugin.id, "jobs", f"缺少处理函数 {'、'.join(missing)}")


@dataclass(frozen=True, eq=False)
class Hooks:
    """All parts of one generation, by plugin id in dependency order."""

    parts: Mapping[str, Part] = field(default_factory=dict)

    def listeners(self, hook: str, plugin_ids: frozenset[str]) -> list[Part]:
        return [part for id, part in self.parts.items() if id in plugin_ids and part.has(hook)]

    @property
    def types(self) -> Mapping[str, GraphqlTypes]:
        return {id: part.types for id, part in self.parts.items() if part.types != GraphqlTypes()}

    def handler(self, plugin_id: str, name: str) -> JobHandler | None:
        part = self.parts.get(plugin_id)
        return part.handlers.get(name) if part else None
