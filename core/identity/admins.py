"""Separation of powers: an administrator holds exactly one of three roles and nothing else; nobody else holds any."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from tongban_sdk import InputProblem, InvalidInputError, PermissionDeniedError
from tongban_sdk.changes import Change

ADMIN_ROLES = frozenset({"system_admin", "security_admin", "audit_admin"})
#: Entities whose rows give roles to people.
GIVERS = frozenset({"core.staff", "core.post"})
#: What of her own row a member of staff would widen her rights by.
OWN_RIGHTS = ("roles", "post", "org_unit", "work_division", "grids", "state")


def check_separation(kind: str, roles: Set[str]) -> None:
    """ValueError unless these roles may stand in one account of this kind."""
    held = roles & ADMIN_ROLES
    if (kind == "admin") != bool(held):
        raise ValueError("administrators hold one of the three roles, and nobody else does")
    if held and (len(held) > 1 or roles - held - {"anonymous"}):
        raise ValueError("an administrator's account holds one role only")


def admin_roles_in(entity: str, values: Mapping[str, Any]) -> list[str]:
    """Roles in a row of staff or posts that only an administrator's account may have."""
    return sorted(ADMIN_ROLES & set(values.get("roles") or ())) if entity in GIVERS else []


def check_rights_change(change: Change, known: Set[str]) -> None:
    """Before every write of every caller: API, import, plugin, job. Refuses what joins powers that are separate, and
    roles that are not `known`: a slip of the pen would give nobody anything, or one day somebody too much."""
    if found := admin_roles_in(change.entity, change.after):
        problem = InputProblem(("input", "roles"), f"不能授予 {'、'.join(found)}", "staff.admin-role")
        hint = "管理员账号由安全管理员用 createAdminAccount 开立"
        raise InvalidInputError("管理员角色只属于管理员账号", [problem], hint=hint)
    _check_known(change, known)
    own = change.actor.staff
    if own is None:
        return
    is_own_row = change.entity == "core.staff" and change.id == own
    if is_own_row and any(change.before.get(name) != change.after.get(name) for name in OWN_RIGHTS):
        raise PermissionDeniedError("不能修改自己的权限", hint="请安全管理员办理")
    if change.entity == "core.grid_assignment" and own in (change.before.get("staff"), change.after.get("staff")):
        raise PermissionDeniedError("不能修改自己的责任网格", hint="请安全管理员办理")


def grantable(known: Set[str]) -> Set[str]:
    """Roles a row of staff or posts may name: those of plugins' own code belong to nobody."""
    return {role for role in known if not role.endswith("_service")} - ADMIN_ROLES - {"anonymous"}


def _check_known(change: Change, known: Set[str]) -> None:
    """Roles newly written; those of an application that has been switched off may stay."""
    if change.entity not in GIVERS:
        return
    roles = grantable(known)
    added = set(change.after.get("roles") or ()) - set(change.before.get("roles") or ())
    if unknown := sorted(added - roles):
        path = ("input" if change.action == "create" else "patch", "roles")
        problem = InputProblem(path, f"没有角色 {'、'.join(unknown)}", "staff.role-unknown")
        raise InvalidInputError("没有这个角色", [problem], hint=f"可以授予：{'、'.join(sorted(roles))}")
