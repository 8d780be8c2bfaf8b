"""Roles that do the work of a case: known, and of people who have a post."""

from __future__ import annotations

from collections.abc import Collection

from tongban_sdk.problems import Place

from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.folder import MANIFEST
from core.manifest.model import CITIZEN_ROLES

_NO_STAFF = CITIZEN_ROLES | {"anonymous"}


def check_staff_role(role: str, place: Place, draft: Draft, also: Collection[str] = ()) -> None:
    """A role whose holders have an inbox; `also` are words that stand for none."""
    if role in also:
        return
    if role not in draft.roles:
        if MANIFEST not in draft.broken:
            hint = did_you_mean(role, [*(r for r in draft.roles if is_staff_role(r)), *also])
            draft.error("role.unknown", place, f"没有角色 {shown(role)}", hint)
    elif not is_staff_role(role):
        message = f"{role} 不是工作人员的角色，没有待办"
        hint = "申请人写 applicant" if "applicant" in also else "换成工作人员的角色"
        draft.error("role.not-staff", place, message, hint)


def is_staff_role(role: str) -> bool:
    return role not in _NO_STAFF and not role.endswith("_service")
