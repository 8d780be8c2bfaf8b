"""Root field of the roster: who is on duty at a unit, in the reader's rights."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from tongban_sdk import PermissionDeniedError

from core.api.compose import Roots
from core.api.ids import known_id
from core.fields.times import parse_instant, utc_now
from core.read.one import ask
from core.store.dialect import datetime_text

NO_UNIT = "找不到这个单位"


def _shifts(where: str, order: str, first: int) -> str:
    fields = "staffId staff { name } duty startsAt endsAt phone handover"
    arguments = f"where: {{orgUnitId: {{eq: $unit}}, {where}}}, orderBy: [{order}], first: {first}"
    return f"query($unit: ID!, $at: DateTime!) {{ row: coreDutyShifts({arguments}) {{ nodes {{ {fields} }} }} }}"


_NOW = _shifts("startsAt: {lte: $at}, endsAt: {gt: $at}", "{field: duty}, {field: startsAt}", 100)
_BEFORE = _shifts("endsAt: {lte: $at}, handover: {isNull: false}", "{field: endsAt, direction: DESC}", 1)


@strawberry.type(description="一个人的一班。")
class DutyShift:
    staff: strawberry.ID | None = strawberry.field(description="值班人（core.staff）。")
    staff_name: str | None = strawberry.field(description="姓名；看不到这个人时为空。")
    duty: str | None = strawberry.field(description="leader 带班领导、officer 值班员。")
    starts_at: datetime | None = strawberry.field(description="开始时间。")
    ends_at: datetime | None = strawberry.field(description="结束时间，不含。")
    phone: str | None = strawberry.field(description="值班电话。")
    handover: str | None = strawberry.field(description="交接记录。")

    @classmethod
    def of(cls, row: Any) -> DutyShift:
        return cls(
            staff=row["staffId"], staff_name=(row["staff"] or {}).get("name"), duty=row["duty"],
            starts_at=_instant(row["startsAt"]), ends_at=_instant(row["endsAt"]), phone=row["phone"],
            handover=row["handover"],
        )  # fmt: skip


@strawberry.type(description="一个单位此时的值班。")
class OnDuty:
    shifts: list[DutyShift] = strawberry.field(description="正在值班的，带班领导在前；没有排班为空。")
    handed_over: DutyShift | None = strawberry.field(description="最近一班留下交接记录的。")


async def _on_duty(
    info: strawberry.Info,
    unit: Annotated[strawberry.ID, strawberry.argument(description="单位（core.org_unit）。")],
    at: Annotated[datetime | None, strawberry.argument(description="什么时候；不写就是现在。")] = None,
) -> OnDuty:
    asked = {"unit": known_id(unit, NO_UNIT), "at": datetime_text(at or utc_now())}
    now, before = await _read(info, _NOW, asked), await _read(info, _BEFORE, asked)
    return OnDuty(shifts=now, handed_over=before[0] if before else None)


async def _read(info: strawberry.Info, text: str, asked: dict[str, str]) -> list[DutyShift]:
    context: Any = info.context
    found = await ask(context.generation.reader, context.database, context.actor, text, asked)
    if found is None:
        raise PermissionDeniedError("没有查看值班表的权限")
    return [DutyShift.of(row) for row in found["nodes"]]


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None


@strawberry.type
class Query:
    on_duty: OnDuty = strawberry.field(
        resolver=_on_duty, description="一个单位谁在值班；只有看得到的。排班用 core.duty_shift，也可以导入 CSV。"
    )


def duty_roots() -> Roots:
    return Roots(Query)
