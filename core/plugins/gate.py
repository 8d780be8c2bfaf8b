"""Stands before every write of a generation: what is draining or off takes nothing new, and plugins may refuse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from tongban_sdk.changes import Change
from tongban_sdk.errors import UnavailableError
from tongban_sdk.host_api import HostApi

from core.manifest.model import World
from core.plugins.errors import PluginError
from core.plugins.hooks import Hooks
from core.plugins.states import Choices, choice_in
from core.store.dialect import datetime_text

_REFUSALS = {"draining": "正在停办，不再受理新的申请", "off": "在这里没有启用"}


def refuse_new(choices: Choices, world: World, plugin_id: str, division: str) -> None:
    """Raise UnavailableError when the plugin takes nothing new in this division."""
    choice = choice_in(choices.get(plugin_id, {}), division)
    if choice != "on":
        plugin = world.plugins.get(plugin_id)
        raise UnavailableError(f"“{plugin.title if plugin else plugin_id}”{_REFUSALS[choice]}", retry_after_s=60)


async def ask_plugin(hooks: Hooks, change: Change, host: HostApi) -> None:
    """Let the owner of the row refuse; an owner that cannot answer refuses, too."""
    part = hooks.parts.get(change.plugin_id)
    if part is None or not part.has("check_change"):
        return
    try:
        await part.call("check_change", change=change, host=host)
    except PluginError as error:
        raise UnavailableError("暂时无法核对这项变更，请稍后再试", retry_after_s=30) from error


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical values as the API prints them."""
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    match value:
        case datetime():
            return datetime_text(value)
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case _:
            return value
