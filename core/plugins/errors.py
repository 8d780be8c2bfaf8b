"""Errors that name the plugin to blame. `__cause__` is the plugin's own exception."""

from __future__ import annotations

from typing import ClassVar

from tongban_sdk.errors import HostError


class PluginError(HostError):
    """A hook of one plugin did not do what its contract says."""

    code: ClassVar[str] = "PLUGIN_FAILED"

    def __init__(self, plugin_id: str, hook: str, reason: str) -> None:
        super().__init__(f"插件 {plugin_id} 的 {hook}：{reason}")
        self.plugin_id = plugin_id
        self.hook = hook
        self.reason = reason


class HookFailedError(PluginError):
    """The hook raised something that is not a RequestError."""


class HookTimeoutError(PluginError):
    """The hook took too long, as a whole or in one stretch without awaiting."""

    def __init__(self, plugin_id: str, hook: str, limit_s: float) -> None:
        super().__init__(plugin_id, hook, f"超过 {limit_s:g} 秒")
        self.limit_s = limit_s


class HookResultError(PluginError):
    """The hook answered something its contract does not allow."""

    def __init__(self, plugin_id: str, hook: str, expected: str, got: str) -> None:
        super().__init__(plugin_id, hook, f"应返回 {expected}，得到 {got}")
        self.expected = expected
        self.got = got


class QuarantinedError(PluginError):
    """The plugin failed too often just now and is not called for a while."""
