"""What the guide of services answers with."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import strawberry
from strawberry.scalars import JSON

from core.forms.drafts import Draft
from core.forms.eligibility import Refusal
from core.forms.prefill import Prefilled
from core.forms.view import FormView
from core.services import Guide, Item
from core.services.guide import fee_words, limit_words


@strawberry.type(description="一个事项在列表里的样子。")
class ServiceItem:
    code: strawberry.ID = strawberry.field(description="事项标识，如 community.repair。")
    version: int = strawberry.field(description="现行版本。")
    title: str = strawberry.field(description="名称。")
    summary: str = strawberry.field(description="一句话说明；没有的为空。")
    department: str = strawberry.field(description="实施主体。")
    plugin: str = strawberry.field(description="所属应用的标识。")
    topics: list[str] = strawberry.field(description="主题、人生大事。")
    audience: list[str] = strawberry.field(description="person 个人、legal 法人。")
    channels: list[str] = strawberry.field(description="从哪里办：app、web、window、hotline、agent、device。")
    project_type: str = strawberry.field(description="即办件或承诺件。")
    limit: str = strawberry.field(description="多久办完，一句话。")
    fee: str = strawberry.field(description="收费，一句话。")
    on_site_times: int = strawberry.field(description="到现场次数。")
    real_name: int = strawberry.field(description="要求的实名等级，0 到 3。")
    is_open: bool = strawberry.field(description="这里现在受理新的申请。")

    @classmethod
    def of(cls, item: Item, is_open: bool) -> ServiceItem:
        service = item.service
        return cls(
            code=strawberry.ID(item.key), version=service.version, title=service.title, summary=item.summary,
            department=item.department, plugin=item.plugin.id, topics=list(service.topics),
            audience=list(service.audience), channels=list(service.channels), project_type=service.project_type,
            limit=limit_words(service), fee=fee_words(service.fee), on_site_times=service.on_site_times,
            real_name=service.real_name, is_open=is_open,
        )  # fmt: skip


@strawberry.type(description="一页事项。")
class ServicePage:
    nodes: list[ServiceItem] = strawberry.field(description="事项。")
    total: int = strawberry.field(description="符合条件的事项数。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")


@strawberry.type(description="一个主题和它的事项数。")
class ServiceTopic:
    name: str = strawberry.field(description="主题。")
    count: int = strawberry.field(description="事项数。")


@strawberry.type(description="要交的一份材料。")
class ServiceMaterial:
    id: str = strawberry.field(description="标识。")
    title: str = strawberry.field(description="名称。")
    need: str = strawberry.field(description="要不要交。")
    source: str = strawberry.field(description="从哪里来。")
    note: str = strawberry.field(description="份数、形式、怎样算合格。")
    field: str = strawberry.field(description="表单里的字段；不在表单里交的为空。")


@strawberry.type(description="在哪里、什么时候。")
class ServicePlace:
    title: str = strawberry.field(description="办理地点、办理时间、咨询方式、监督投诉。")
    text: str = strawberry.field(description="内容。")


@strawberry.type(description="一个常见问题。")
class ServiceQuestion:
    question: str = strawberry.field(description="问。")
    answer: str = strawberry.field(description="答。")


@strawberry.type(description="办事指南，平实的话。")
class ServiceGuide:
    item: ServiceItem = strawberry.field(description="事项。")
    limit: str = strawberry.field(description="多久办完，依据什么。")
    fee: str = strawberry.field(description="收不收费。")
    on_site: str = strawberry.field(description="要不要到现场。")
    audience: str = strawberry.field(description="谁可以办。")
    real_name: str = strawberry.field(description="要求的身份核验。")
    conditions: list[str] = strawberry.field(description="申请条件。")
    materials: list[ServiceMaterial] = strawberry.field(description="材料。")
    places: list[ServicePlace] = strawberry.field(description="窗口：在哪里、什么时候。")
    results: str = strawberry.field(description="办完给什么；没有的为空。")
    faq: list[ServiceQuestion] = strawberry.field(description="常见问题。")
    elements: JSON = strawberry.field(description="基本目录和实施清单的要素，用标准里的名称。")

    @classmethod
    def of(cls, item: Item, guide: Guide, is_open: bool) -> ServiceGuide:
        materials = [
            ServiceMaterial(id=m.id, title=m.title, need=m.need, source=m.source, note=m.note, field=m.file_field)
            for m in guide.materials
        ]
        return cls(
            item=ServiceItem.of(item, is_open), limit=guide.limit, fee=guide.fee, on_site=guide.on_site,
            audience=guide.audience, real_name=guide.real_name, conditions=list(guide.conditions),
            materials=materials, places=[ServicePlace(title=title, text=text) for title, text in guide.places],
            results=guide.results, faq=[ServiceQuestion(question=q, answer=a) for q, a in guide.faq],
            elements=cast(JSON, item.elements),
        )  # fmt: skip


@strawberry.type(description="要本人勾选的一项声明；从不替人勾选。")
class ServiceConsent:
    id: str = strawberry.field(description="标识，提交时写进 consents。")
    text: str = strawberry.field(description="内容。")


@strawberry.type(description="替申请人填好的一个值，和它的来源。")
class PrefilledValue:
    field: str = strawberry.field(description="字段。")
    value: JSON = strawberry.field(description="值，可以直接放进表单。")
    source: str = strawberry.field(description="取自哪里，如实有人口。")
    department: str = strawberry.field(description="由哪个部门负责；不详的为空。")
    stated_at: str = strawberry.field(description="从什么时候起；不详的为空。")


@strawberry.type(description="一个事项的表单：模式、样子、要勾选的声明、已知的值。")
class ServiceForm:
    service: strawberry.ID = strawberry.field(description="事项标识。")
    version: int = strawberry.field(description="事项的版本。")
    title: str = strawberry.field(description="表单名称。")
    schema: JSON = strawberry.field(description="JSON Schema 2020-12；服务器按同一份核对。")
    ui: JSON = strawberry.field(description="分组、顺序、控件、提示、何时显示。")
    consents: list[ServiceConsent] = strawberry.field(description="要勾选的声明。")
    prefill: list[PrefilledValue] = strawberry.field(description="已知的值；看不到原文的不填。")

    @classmethod
    def of(cls, form: FormView, version: int, known: dict[str, Prefilled]) -> ServiceForm:
        values = [
            PrefilledValue(
                field=name, value=one.value, source=one.source, department=one.department, stated_at=one.stated_at
            )
            for name, one in known.items()
        ]
        return cls(
            service=strawberry.ID(form.service), version=version, title=form.title, schema=cast(JSON, form.schema),
            ui=cast(JSON, form.ui), prefill=values,
            consents=[ServiceConsent(id=id, text=text) for id, text in form.consents.items()],
        )  # fmt: skip


@strawberry.type(description="不能申请的一个原因。")
class ServiceRefusal:
    id: str = strawberry.field(description="稳定的编号，如 apply.audience。")
    message: str = strawberry.field(description="原因。")
    hint: str = strawberry.field(description="怎么办；没有的为空。")


@strawberry.type(description="能不能申请，和所有原因。")
class ServiceEligibility:
    is_eligible: bool = strawberry.field(description="按现在所填的，可以申请。")
    reasons: list[ServiceRefusal] = strawberry.field(description="不能申请的全部原因。")

    @classmethod
    def of(cls, refusals: tuple[Refusal, ...]) -> ServiceEligibility:
        reasons = [ServiceRefusal(id=one.id, message=one.message, hint=one.hint) for one in refusals]
        return cls(is_eligible=not reasons, reasons=reasons)


@strawberry.type(description="一份草稿：只有自己看得到，放 30 天。")
class ServiceDraft:
    id: strawberry.ID = strawberry.field(description="标识；提交时写上，草稿随之删去。")
    service: strawberry.ID = strawberry.field(description="事项标识。")
    version: int = strawberry.field(description="填写时事项的版本。")
    values: JSON = strawberry.field(description="所填的内容，没有核对过。")
    updated_at: datetime = strawberry.field(description="最近一次保存（UTC）。")
    ends_at: datetime = strawberry.field(description="到这时自动删去（UTC）。")

    @classmethod
    def of(cls, draft: Draft) -> ServiceDraft:
        return cls(
            id=strawberry.ID(draft.id), service=strawberry.ID(draft.service), version=draft.version,
            values=cast(JSON, draft.values), updated_at=draft.updated_at, ends_at=draft.ends_at,
        )  # fmt: skip
