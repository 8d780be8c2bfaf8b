"""bookings.yaml or bookings/*.yaml: what people book, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from core.manifest.bookings import BookingKind, NoShow, Release
from core.manifest.cases import Limit
from core.manifest.definitions import full_key, limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.model import CITIZEN_ROLES, Entity
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

#: Keys that speak of a time of day: stock has none.
_OF_SLOTS = ("release", "cancel_before", "no_show")
_CITIZENS = CITIZEN_ROLES | {"anonymous"}


def build(documents: Sequence[Document], draft: Draft) -> dict[str, BookingKind]:
    kinds: dict[str, BookingKind] = {}
    for document in documents:
        for id, spec in document.entries("bookings"):
            place = document.key_place("bookings", id)
            if id in kinds:
                message = f"预约 {id} 已在 {kinds[id].place.file} 声明"
                draft.error("booking.duplicate", place, message, "换一个名字")
            _check(id, spec, document, draft)
            kinds[id] = _kind(id, spec, document, draft)
    return kinds


def _kind(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> BookingKind:
    hold_for = limit_of(spec["hold_for"])
    assert hold_for is not None
    return BookingKind(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        resource=full_key(spec["resource"], draft.plugin.id),
        kind=spec["kind"],
        hold_for=hold_for,
        roles=tuple(spec["roles"]),
        place=document.key_place("bookings", id),
        release=_release(spec.get("release")),
        cancel_before=limit_of(spec.get("cancel_before")),
        per_person=spec.get("per_person", 1),
        quantity_max=spec.get("quantity_max", 1),
        no_show=_no_show(spec.get("no_show")),
        audience=tuple(spec.get("audience", ("person",))),
        real_name=spec.get("real_name", 2),
    )


def _release(spec: Mapping[str, Any] | None) -> Release | None:
    return Release(spec["days_ahead"], time.fromisoformat(spec["at"])) if spec else None


def _no_show(spec: Mapping[str, Any] | None) -> NoShow | None:
    return NoShow(spec["times"], _limit(spec["within"]), _limit(spec["pause"])) if spec else None


def _limit(spec: Mapping[str, Any]) -> Limit:
    found = limit_of(spec)
    assert found is not None
    return found


def _check(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    path = ("bookings", id)
    for i, role in enumerate(spec["roles"]):
        check_staff_role(role, document.place(*path, "roles", i), draft)
    for key in _OF_SLOTS if spec["kind"] == "stock" else ():
        if key in spec:
            message = f"kind: stock 没有时段，不用 {key}"
            draft.error("booking.stock", document.key_place(*path, key), message, f"删去 {key}，或改成 kind: slot")
    entity = draft.entity(spec["resource"], document.place(*path, "resource"))
    if entity is not None and "access.yaml" not in draft.broken:
        _check_open(id, spec, entity, document, draft)


def _check_open(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    """Who may not read the row of a resource sees none of its slots."""
    rules = (*draft.plugin.rules, *draft.world.rules)
    readers = {rule.role for rule in rules if rule.entity == entity.key and "read" in rule.can}
    path = ("bookings", id)
    for i, role in enumerate(spec["roles"]):
        if role in draft.roles and role not in readers:
            message = f"{role} 管理预约，access.yaml 却没有准许他看{entity.title}"
            hint = f"加一条规则：role {role}，entity {entity.name}，can: [read]，写明管哪些"
            draft.error("booking.staff-closed", document.place(*path, "roles", i), message, hint)
    if not readers & _CITIZENS:
        message = f"没有群众看得到{entity.title}，谁也不能预约"
        hint = f"在 access.yaml 加一条规则：role resident 或 anonymous，entity {entity.name}，can: [read]"
        draft.error("booking.closed", document.place(*path, "resource"), message, hint)


SECTION = Section(
    "bookings",
    ("bookings.yaml", "bookings/*.yaml"),
    "bookings.schema.json",
    build,
    units=("bookings",),
    after=("plugin", "entities", "access"),
)
