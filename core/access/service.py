"""Who acts for a plugin when nobody called it."""

from __future__ import annotations

from tongban_sdk.actor import Actor


def service_actor(plugin_id: str) -> Actor:
    """Plugin code, and the engine on its behalf: rights come from the role the manifest declares for it."""
    return Actor(id=f"plugin:{plugin_id}", kind="system", roles=frozenset({"anonymous", f"{plugin_id}_service"}))
