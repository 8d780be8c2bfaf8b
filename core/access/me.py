"""The caller as expressions see him. What he lacks, or has in a form no row can have, is null and matches nothing."""

from __future__ import annotations

import re
from typing import Any

from tongban_sdk.actor import Actor

from core.expr.subtree import subtree_range

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DIVISION = re.compile(r"[1-9][0-9]{11}", re.ASCII)
_PATH = re.compile(r"/([^/\0]+/)*")


def me_of(actor: Actor) -> dict[str, Any]:
    """Values of `me.*`, and the ends of the subtrees below his division and organisation."""
    division, org_path = _matching(_DIVISION, actor.division), _matching(_PATH, actor.org_path)
    me: dict[str, Any] = {
        "id": actor.id or None,
        "person": _matching(_UUID, actor.person),
        "roles": tuple(sorted(actor.roles)),
        "org": _matching(_UUID, actor.org),
        "org_path": org_path,
        "division": division,
        "grids": tuple(actor.grids),
    }
    for name, root in (("division", division), ("org_path", org_path)):
        me[f"{name}_first"], me[f"{name}_last"] = subtree_range(root) if root else (None, None)
    return me


def _matching(pattern: re.Pattern[str], value: str | None) -> str | None:
    return value if value and pattern.fullmatch(value) else None
