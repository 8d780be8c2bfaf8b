"""The guide of a service item in plain words, as a citizen reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.clock.explain import UNIT_NAMES
from core.manifest.cases import Limit, Material, Service
from core.manifest.items import SOURCES
from core.services.catalogue import Item

_AUDIENCE = {"person": "个人", "legal": "法人和其他组织"}
_NEEDS = {"required": "必须提交", "optional": "可以不交", "deferrable": "可以后补"}
_LEVELS = {0: "不要求实名", 1: "手机号登录", 2: "核验身份证件", 3: "人脸核验或当面核验"}
#: Standard elements that say where, and the words before them.
_PLACES = {
    "transact_addr": "办理地点", "transact_time": "办理时间", "link_way": "咨询方式", "supervise_way": "监督投诉",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaterialWords:
    id: str
    title: str
    need: str
    source: str
    #: "1 份，原件，纸质或电子；有电子证照的不用提交"
    note: str
    file_field: str


@dataclass(frozen=True, slots=True)
class Guide:
    """Sentences in Chinese, each without a full stop."""

    limit: str
    fee: str
    on_site: str
    audience: str
    real_name: str
    conditions: tuple[str, ...]
    materials: tuple[MaterialWords, ...]
    #: (what, where or when)
    places: tuple[tuple[str, str], ...]
    results: str
    faq: tuple[tuple[str, str], ...]


def guide_of(item: Item) -> Guide:
    service, elements = item.service, item.elements
    conditions = tuple(precondition.message for precondition in service.preconditions)
    stated = str(elements.get("accept_condition", ""))
    return Guide(
        limit=limit_words(service), fee=fee_words(service.fee), on_site=_on_site(service, elements),
        audience="、".join(_AUDIENCE[who] for who in service.audience), real_name=_LEVELS[service.real_name],
        conditions=(stated, *conditions) if stated else conditions,
        materials=tuple(_material(material) for material in service.materials),
        places=tuple((words, str(elements[name])) for name, words in _PLACES.items() if elements.get(name)),
        results=_results(elements), faq=service.faq,
    )  # fmt: skip


def limit_words(service: Service) -> str:
    """ "承诺3个工作日内办结（法定20个工作日，行政许可法第四十二条）"."""
    if service.project_type == "即办件":
        return "当场办结"
    promise, legal = service.promise, service.legal
    law = f"法定{_length(legal)}{f'，{legal.basis}' if legal.basis else ''}" if legal else ""
    if promise is None:
        return f"{law}内办结" if legal and not legal.basis else (law or "没有规定期限")
    return f"承诺{_length(promise)}内办结" + (f"（{law}）" if law else "")


def fee_words(fee: Mapping[str, object]) -> str:
    if not fee.get("is_fee"):
        return "不收费"
    name, amount, stand = (str(fee.get(key) or "") for key in ("fee_name", "amount", "fee_stand"))
    law = str(fee.get("by_law") or "")
    told = "，".join(part for part in (name, f"{amount}元" if amount else "", stand) if part)
    return f"收费：{told or '标准见窗口公示'}" + (f"（{law}）" if law else "")


def _length(limit: Limit) -> str:
    return f"{limit.value}{UNIT_NAMES[limit.unit]}"


def _on_site(service: Service, elements: Mapping[str, object]) -> str:
    if service.on_site_times == 0:
        return "不用到现场"
    why = str(elements.get("limit_scene_explain") or "")
    return f"到现场{service.on_site_times}次" + (f"：{why}" if why and why != "无" else "")


def _material(material: Material) -> MaterialWords:
    facts = material.elements
    pages = f"{facts['page_num']}份" if facts.get("page_num") else ""
    kinds = (pages, str(facts.get("material_type", "")), str(facts.get("material_format", "")))
    notes = ["，".join(part for part in kinds if part)]
    notes += ["有电子证照的不用提交"] if material.licence else []
    notes += [str(facts[name]) for name in ("source_explain", "accept_stand", "fill_explain") if facts.get(name)]
    return MaterialWords(
        material.id, material.title, _NEEDS[material.need], SOURCES[material.source],
        "；".join(note for note in notes if note), material.file_field,
    )  # fmt: skip


def _results(elements: Mapping[str, object]) -> str:
    names = elements.get("result_name") or elements.get("result_type") or ""
    return "、".join(map(str, names)) if isinstance(names, list | tuple) else str(names)
