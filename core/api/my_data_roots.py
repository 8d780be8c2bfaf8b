"""Root fields of one's own data: see, take away, correct, erase, and who looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON

from core.api.compose import Roots
from core.fields.times import utc_now
from core.manifest.consents import purposes_of
from core.manifest.sections.plugin import FOUNDATION
from core.privacy.engine_rows import EngineRows
from core.privacy.erasure import Erased
from core.privacy.export import BASES, document, engine_section, to_json_text, to_page, words_of
from core.privacy.lookers import Look
from core.privacy.my_data import EXPORTED_MAX, SHOWN_MAX, Section, Value
from core.privacy.privacy import sees_personal
from core.store.dialect import datetime_text
from core.store.json_values import to_json


@strawberry.enum(description="导出的格式。")
class ExportFormat(Enum):
    JSON = strawberry.enum_value("json", description="机器可读，含格式版本。")
    HTML = strawberry.enum_value("html", description="一页网页，不依赖网络，可以打印。")


@strawberry.type(description="一项数据。")
class MyDataValue:
    field: str = strawberry.field(description="字段名。")
    title: str = strawberry.field(description="名称。")
    level: str = strawberry.field(description="数据分级 L1 至 L4。")
    value: JSON | None = strawberry.field(description="值。")
    text: str = strawberry.field(description="给人看的值；引用其他数据的为空。")


@strawberry.type(description="一行数据。")
class MyDataRow:
    id: strawberry.ID = strawberry.field(description="标识。")
    created_at: datetime = strawberry.field(description="登记时间。")
    updated_at: datetime = strawberry.field(description="最近修改时间。")
    deleted: bool = strawberry.field(description="已从业务中删除，仅存档。")
    values: list[MyDataValue] = strawberry.field(description="有内容的各项。")


@strawberry.type(description="一类与本人有关的数据。")
class MyDataSection:
    plugin: str = strawberry.field(description="应用标识。")
    plugin_title: str = strawberry.field(description="应用名称。")
    plugin_state: str = strawberry.field(description="running 正在使用、off 已停用、removed 已移除（数据仍在）。")
    department: str = strawberry.field(description="主管部门。")
    entity: str = strawberry.field(description="实体，如 core.person。")
    title: str = strawberry.field(description="名称。")
    rows: list[MyDataRow] = strawberry.field(description="最近的各行，至多 200 行。")
    has_more: bool = strawberry.field(description="还有更早的；导出有全部。")


@strawberry.type(description="不能删除的一项，和原因。")
class ErasureHold:
    field: str = strawberry.field(description="字段名。")
    title: str = strawberry.field(description="名称。")
    reason: str = strawberry.field(
        description="legal_duty 法定职责、contract 合同所必需、consent_stands 同意未撤回、open_case 办件未办结、"
        "shared 也是别人的记录。"
    )
    basis: str = strawberry.field(description="依据的名称。")
    purpose: str = strawberry.field(description="目的的名称。")
    purpose_text: str = strawberry.field(description="目的的说明。")
    until: date | None = strawberry.field(description="保存到这一天为止；与时间无关的为空。")
    text: str = strawberry.field(description="给本人看的解释。")


@strawberry.type(description="删除申请的结果。")
class Erasure:
    entity: str = strawberry.field(description="实体。")
    erased: list[str] = strawberry.field(description="删除的各项名称；历史记录中的值一并清除。")
    removed: bool = strawberry.field(description="整行删除，不再与本人关联。")
    holds: list[ErasureHold] = strawberry.field(description="不能删除的各项。")


@strawberry.type(description="有人看过或动过与本人有关的数据。")
class DataLook:
    cursor: str = strawberry.field(description="翻页用：作为 after。")
    at: datetime = strawberry.field(description="时间。")
    who: str = strawberry.field(description="单位和岗位；不显示工作人员姓名，需要时可向审计员查询。")
    action: str = strawberry.field(description="做了什么。")
    refused: bool = strawberry.field(description="被系统拒绝，没有看到。")
    entity_title: str = strawberry.field(description="哪类数据。")
    fields: list[str] = strawberry.field(description="看到的各项名称。")
    purpose: str = strawberry.field(description="目的。")
    purpose_text: str = strawberry.field(description="目的的说明。")
    case_no: str = strawberry.field(description="办件编号。")


async def _my_data(info: strawberry.Info, ward: strawberry.ID | None = None) -> list[MyDataSection]:
    privacy, actor = info.context.host.privacy, info.context.actor
    _, sections = await privacy.read_all(actor, ward)
    shown = [_section(privacy, section, sees_personal(actor)) for section in sections]
    return [*shown, *(_engine(privacy, one, rows) for one, rows in await privacy.engine_rows(actor, ward))]


async def _looked(
    info: strawberry.Info, first: int = 20, after: str | None = None, own: bool = False,
    ward: strawberry.ID | None = None,
) -> list[DataLook]:  # fmt: skip
    privacy, actor = info.context.host.privacy, info.context.actor
    person = await privacy.spoken_for(actor, ward)
    account = actor.id if person == actor.person else ""
    return [_look(look) for look in await privacy.lookers.of(person, first, after, own=own, account=account)]


async def _preview(info: strawberry.Info, entity: str, id: strawberry.ID, ward: strawberry.ID | None = None) -> Erasure:
    return _erasure(await info.context.host.privacy.erasure.explain(info.context.actor, entity, id, ward))


async def _export(info: strawberry.Info, format: ExportFormat, ward: strawberry.ID | None = None) -> str:
    privacy, actor = info.context.host.privacy, info.context.actor
    await privacy.spoken_for(actor, ward)
    person, sections = await privacy.read_all(actor, ward, action="export", rows_max=EXPORTED_MAX)
    plugins = info.context.host.generation.world.plugins.values()
    titles = {key: text.purpose.title for plugin in plugins for key, text in purposes_of(plugin).items()}
    consents = [
        {
            "purpose": event.purpose, "title": titles.get(event.purpose), "action": event.action,
            "at": datetime_text(event.at), "textVersion": event.text_version, "guardian": event.guardian,
        }
        for event in await privacy.ledger.history(person)
    ]  # fmt: skip
    exported = document(privacy.my_data, person, sections, consents, utc_now())
    foundation = info.context.host.generation.world.plugins[FOUNDATION]
    exported["sections"] += [
        engine_section(one, rows, foundation.title, foundation.department.get("name", ""))
        for one, rows in await privacy.engine_rows(actor, ward, EXPORTED_MAX)
    ]
    return to_page(exported) if format is ExportFormat.HTML else to_json_text(exported)


async def _correct(
    info: strawberry.Info, entity: str, id: strawberry.ID, field: str, value: str, reason: str = "",
    ward: strawberry.ID | None = None,
) -> strawberry.ID:  # fmt: skip
    corrections = info.context.host.privacy.corrections
    return strawberry.ID(await corrections.ask(info.context.actor, entity, id, field, value, reason, ward))


async def _decide(
    info: strawberry.Info, id: strawberry.ID, accepts: bool, answer: str, value: str | None = None
) -> strawberry.ID:
    await info.context.host.privacy.corrections.decide(info.context.actor, id, accepts, answer, value)
    return id


async def _erase(info: strawberry.Info, entity: str, id: strawberry.ID, ward: strawberry.ID | None = None) -> Erasure:
    return _erasure(await info.context.host.privacy.erasure.erase(info.context.actor, entity, id, ward))


@strawberry.type
class Query:
    my_data: list[MyDataSection] = strawberry.field(
        resolver=_my_data,
        description="各应用保存的、与本人（或被监护人）有关的全部数据，含已停用和已移除的应用；须实名核验。每次查看都记入审计。",
    )
    my_data_erasure: Erasure = strawberry.field(
        resolver=_preview, description="这一行能删除什么、什么因何须保存到何时；不改动数据。"
    )
    who_looked_at_my_data: list[DataLook] = strawberry.field(
        resolver=_looked, description="谁在何时看过或动过与本人（或被监护人）有关的数据，最近的在前；默认不含本人自己。"
    )


@strawberry.type
class Mutation:
    export_my_data: str = strawberry.mutation(
        resolver=_export, description="导出与本人（或被监护人）有关的全部数据；记入审计。"
    )
    request_correction: strawberry.ID = strawberry.mutation(
        resolver=_correct, description="申请更正一项数据，由有权修改它的工作人员办理。返回申请的标识。"
    )
    decide_correction: strawberry.ID = strawberry.mutation(
        resolver=_decide, description="办理更正申请：更正或不予更正，并答复本人；限有权修改该项的工作人员。"
    )
    erase_my_data: Erasure = strawberry.mutation(
        resolver=_erase, description="删除一行里依法可以删除的个人信息，连同历史和文件；须保存的逐项说明原因和期限。"
    )


ROOTS = Roots(Query, Mutation)


def _engine(privacy: Any, one: EngineRows, rows: Sequence[Mapping[str, Any]]) -> MyDataSection:
    foundation = privacy.world.plugins[FOUNDATION]
    return MyDataSection(
        plugin=FOUNDATION, plugin_title=foundation.title, plugin_state="running",
        department=foundation.department.get("name", ""), entity=one.id, title=one.title,
        rows=[
            MyDataRow(
                id=strawberry.ID(row["id"]), created_at=row[one.made_at], updated_at=row[one.changed_at], deleted=False,
                values=[
                    MyDataValue(field=name, title=title, level="L2", value=to_json(row[name]), text=words_of(row[name]))
                    for name, title in one.shown.items()
                    if row[name] is not None
                ],
            )
            for row in rows[:SHOWN_MAX]
        ],
        has_more=len(rows) > SHOWN_MAX,
    )  # fmt: skip


def _section(privacy: Any, section: Section, personal: bool) -> MyDataSection:
    holding, my_data = section.holding, privacy.my_data
    return MyDataSection(
        plugin=holding.entity.plugin_id, plugin_title=holding.plugin_title, plugin_state=section.state,
        department=holding.department, entity=holding.entity.key, title=holding.entity.title,
        rows=[
            MyDataRow(
                id=strawberry.ID(row["id"]), created_at=row["created_at"], updated_at=row["updated_at"],
                deleted=row["deleted_at"] is not None,
                values=[_value(value) for value in my_data.values(holding, row, personal=personal)],
            )
            for row in section.rows
        ],
        has_more=section.has_more,
    )  # fmt: skip


def _value(value: Value) -> MyDataValue:
    field = value.field
    return MyDataValue(field=field.name, title=field.title, level=field.level, value=value.json, text=value.text)


def _erasure(made: Erased) -> Erasure:
    return Erasure(
        entity=made.holding.entity.key, erased=[field.title for field in made.ruling.erasable],
        removed=made.is_removed,
        holds=[
            ErasureHold(
                field=hold.field.name, title=hold.field.title, reason=hold.reason,
                basis=BASES[hold.purpose.basis] if hold.purpose else "",
                purpose=hold.purpose.title if hold.purpose else "",
                purpose_text=hold.purpose.text if hold.purpose else "", until=hold.until, text=hold.text,
            )
            for hold in made.ruling.holds
        ],
    )  # fmt: skip


def _look(look: Look) -> DataLook:
    return DataLook(
        cursor=look.cursor, at=look.at, who=look.who, action=look.action, refused=look.is_refused,
        entity_title=look.entity_title, fields=list(look.fields), purpose=look.purpose,
        purpose_text=look.purpose_text, case_no=look.case,
    )  # fmt: skip
