"""The caller as expressions see him. What he lacks, or has in a form no row can have, is null and matches nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tongban_sdk.actor import Actor

from core.expr.subtree import level_digits, subtree_range

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DIVISION = re.compile(r"[1-9][0-9]{11}", re.ASCII)
#: "/640522/": the whole county.
_WIDE_SLASHES = 2
_PATH = re.compile(r"/([^/\0]+/)*")


#: A token is turned into one Actor and kept; what follows from it is kept beside it. By identity: hashing costs more.
_KEPT: dict[int, tuple[Actor, Mapping[str, Any]]] = {}
KEPT_MAX = 10_000


def me_of(actor: Actor) -> Mapping[str, Any]:
    """Values of `me.*`, and the ends of the subtrees below his division and organisation."""
    kept = _KEPT.get(id(actor))
    if kept is None or kept[0] is not actor:
        if len(_KEPT) >= KEPT_MAX:
            _KEPT.clear()
        kept = _KEPT[id(actor)] = (actor, MappingProxyType(_me_of(actor)))
    return kept[1]


def _me_of(actor: Actor) -> dict[str, Any]:
    division, org_path = _matching(_DIVISION, actor.division), _matching(_PATH, actor.org_path)
    me: dict[str, Any] = {
        "id": actor.id or None,
        "person": _matching(_UUID, actor.person),
        "roles": tuple(sorted(actor.roles)),
        "org": _matching(_UUID, actor.org),
        "org_path": org_path,
        "division": division,
        "grids": tuple(actor.grids),
        "staff": _matching(_UUID, actor.staff),
        "legal_entity": _matching(_UUID, actor.legal_entity),
        "real_name": actor.real_name,
        "agent": _matching(_UUID, actor.agent),
        "scopes": tuple(actor.scopes),
    }
    for name, root in (("division", division), ("org_path", org_path)):
        me[f"{name}_first"], me[f"{name}_last"] = subtree_range(root) if root else (None, None)
        me[f"{name}_share"] = _share(root)
    # So many units that a row's unit is looked up among them rather than they among the rows.
    me["org_path_is_wide"] = org_path is not None and org_path.count("/") <= _WIDE_SLASHES
    return me


def _matching(pattern: re.Pattern[str], value: str | None) -> str | None:
    return value if value and pattern.fullmatch(value) else None


#: How much of everything lies in a division, by the digits that name it: a guess that keeps planners from a worse one.
_SHARES = {2: 0.9, 4: 0.9, 6: 0.9, 9: 0.3}


def _share(root: str | None) -> float:
    if root is None:
        return 0.05
    return 0.3 if root.startswith("/") else _SHARES.get(level_digits(root), 0.05)
