"""A service item's document to the typed model, and the elements a province wants to see of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from core.manifest.cases import Material, Precondition, Service
from core.manifest.definitions import Origin, Stored, full_key, limit_of

Spec = Mapping[str, Any]
#: Keys of a material that the model has fields for; all others are its elements.
_MATERIAL_KEYS = frozenset({"id", "title", "file_field", "need", "source", "licence"})
NEEDS: Mapping[str, str] = {"required": "必要", "optional": "非必要", "deferrable": "容缺"}
SOURCES: Mapping[str, str] = {"applicant": "申请人自备", "government": "政府部门核发", "other": "其他"}
SERVER_TYPES: Mapping[str, str] = {"person": "自然人", "legal": "法人"}
#: What a limit is called in the standard; of hours and shorter it knows nothing.
DAY_TYPES: Mapping[str, str] = {"WD": "工作日", "D": "自然日", "MON": "月", "Y": "年"}


def service_document(service: Spec, version: Spec) -> dict[str, Any]:
    """One version as it is kept for the cases that begin with it: a document of its own."""
    return {"service": service["service"], "title": service["title"], **version}


def service_of(document: Spec, plugin_id: str, origin: Origin | None = None) -> Service:
    """The version of a service item a document describes; of a stored one nothing is checked again."""
    at = origin or Stored(f"{plugin_id}.{document['service']}@{document['version']}")
    until = document.get("effective_to")
    return Service(
        plugin_id=plugin_id,
        id=document["service"],
        version=document["version"],
        title=document["title"],
        entity=full_key(document["entity"], plugin_id),
        workflow=full_key(document["workflow"], plugin_id),
        place=at.place(),
        effective_from=date.fromisoformat(document["effective_from"]),
        effective_to=date.fromisoformat(until) if until else None,
        task_code=document.get("task_code", ""),
        project_type=document["project_type"],
        legal=limit_of(document.get("legal")),
        promise=limit_of(document.get("promise")),
        audience=tuple(document["audience"]),
        channels=tuple(document["channels"]),
        topics=tuple(document.get("topics", ())),
        synonyms=tuple(document.get("synonyms", ())),
        on_site_times=document.get("on_site_times", 0),
        real_name=document.get("real_name", 2),
        form=full_key(document["form"], plugin_id) if "form" in document else "",
        preconditions=tuple(
            Precondition(at.condition(spec["when"], "preconditions", i, "when", by_caller=True), spec["message"])
            for i, spec in enumerate(document.get("preconditions", ()))
        ),
        materials=tuple(_material(spec) for spec in document.get("materials", ())),
        fee=_declared(document.get("fee", {})),
        faq=tuple((entry["question"], entry["answer"]) for entry in document.get("faq", ())),
        summary=document.get("summary", ""),
        elements=_declared(document.get("elements", {})),
        clock_from=document.get("clock_from", "submit"),
        about=document.get("about", ""),
        document=document,
    )


def _material(spec: Spec) -> Material:
    return Material(
        spec["id"],
        spec["title"],
        spec.get("file_field", ""),
        spec.get("need", "required"),
        spec.get("source", "applicant"),
        spec.get("licence", ""),
        {key: value for key, value in _declared(spec).items() if key not in _MATERIAL_KEYS},
    )


def _declared(spec: Spec) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if not key.startswith("x-")}


def in_order(versions: Iterable[Service]) -> tuple[Service, ...]:
    """Versions by the day they take effect; one without an end ends the day before the next begins."""
    found = sorted(versions, key=lambda service: (service.effective_from, service.version))
    ends = [later.effective_from - timedelta(days=1) for later in found[1:]]
    return (*(replace(s, effective_to=s.effective_to or end) for s, end in zip(found, ends, strict=False)), *found[-1:])


def version_on(versions: Iterable[Service], day: date) -> Service | None:
    """The version in force on a day (of the county's calendar)."""
    return next(
        (s for s in versions if s.effective_from <= day and (s.effective_to is None or day <= s.effective_to)), None
    )


def standard_elements(service: Service, department: Mapping[str, str]) -> dict[str, Any]:
    """基本目录 and 实施清单 by the names of the standard: what is written elsewhere in the item is put in its place."""
    found: dict[str, Any] = {
        "task_name": service.title, "task_code": service.task_code or None,
        "catalog_code": service.task_code[19:] or None, "task_type": service.task_code[21:23] or None,
        "dept_code": department.get("uscc"), "dept_name": department.get("name"),
        "project_type": service.project_type, "server_type": [SERVER_TYPES[who] for who in service.audience],
        "limit_scene_num": service.on_site_times, "is_online": is_online(service),
        "plan_effective_date": service.effective_from.isoformat(),
        "plan_cancel_date": service.effective_to.isoformat() if service.effective_to else None,
        "approve_type": approve_type(service), "is_fee": service.fee.get("is_fee", False),
    }  # fmt: skip
    for prefix, limit in (("anticipate", service.legal), ("promise", service.promise)):
        if limit is not None and limit.unit in DAY_TYPES:
            found |= {f"{prefix}_day": limit.value, f"{prefix}_type": DAY_TYPES[limit.unit]}
    if service.on_site_times == 0:
        found["limit_scene_explain"] = "无"
    return {key: value for key, value in found.items() if value is not None} | dict(service.elements)


def is_online(service: Service) -> bool:
    return bool(service.elements.get("is_online", {"app", "web"} & set(service.channels)))


def approve_type(service: Service) -> str:
    """即办件 are decided when they are filed, 承诺件 accepted first and decided later."""
    return str(service.elements.get("approve_type", "即审即办" if service.project_type == "即办件" else "前审后批"))
