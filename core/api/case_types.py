"""What cases and tasks look like in the API."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON


@strawberry.enum(description="期限的颜色。")
class DueColour(Enum):
    NONE = strawberry.enum_value("none", description="没有期限，或期限暂停。")
    GREEN = strawberry.enum_value("green", description="过了不到一半。")
    YELLOW = strawberry.enum_value("yellow", description="过半。")
    ORANGE = strawberry.enum_value("orange", description="只剩五分之一。")
    RED = strawberry.enum_value("red", description="超期。")
    PURPLE = strawberry.enum_value("purple", description="超期一倍。")


@strawberry.type(description="一件办件。")
class Case:
    number: strawberry.ID = strawberry.field(description="办件编号。")
    version: int = strawberry.field(description="版本；办理时写上看到的版本。")
    service: str = strawberry.field(description="事项标识。")
    title: str = strawberry.field(description="事项名称。")
    state: str = strawberry.field(description="所处环节的标识。")
    state_title: str = strawberry.field(description="所处环节：群众看到平实的话。")
    phase: str = strawberry.field(description="open 在办、paused 暂停、done 办结、refused、withdrawn、merged。")
    channel: str = strawberry.field(description="从哪里来：app、web、window、hotline、agent、device、system。")
    filed_at: datetime = strawberry.field(description="申请时间（UTC）。")
    due_at: datetime | None = strawberry.field(description="期限（UTC）；没有期限或暂停时为空。")
    is_provisional: bool = strawberry.field(description="期限暂定：放假安排公布后可能改变。")
    colour: DueColour = strawberry.field(description="期限的颜色；办结的为 NONE。")
    closed_at: datetime | None = strawberry.field(description="结束时间（UTC）。")
    outcome: str | None = strawberry.field(description="怎样结束：done、refused、withdrawn、merged。")


@strawberry.type(description="办理经过的一步。群众只看公开的步骤，不见工作人员的姓名。")
class CaseStep:
    seq: int = strawberry.field(description="序号。")
    at: datetime = strawberry.field(description="时间（UTC）。")
    title: str = strawberry.field(description="做了什么。")
    state: str = strawberry.field(description="进入哪个环节；没有变的为空。")
    role: str = strawberry.field(description="以什么身份：角色的名称，或申请人、系统。")
    unit: str = strawberry.field(description="单位；不详的为空。")
    staff: str | None = strawberry.field(description="经办人；只对工作人员显示。")
    reason: str | None = strawberry.field(description="理由或意见。")
    fields: list[str] = strawberry.field(description="填写了哪些字段；只对工作人员显示。")
    files: list[strawberry.ID] = strawberry.field(description="附上的文件；只对工作人员显示。")
    due_at: datetime | None = strawberry.field(description="当时的期限（UTC）。")
    limit_unit: str | None = strawberry.field(description="期限的单位，如 WD。")
    is_automatic: bool = strawberry.field(description="系统自动完成。")
    consents: list[str] = strawberry.field(description="提交时本人勾选的声明，当时的原文；只对申请人和工作人员显示。")


@strawberry.type(description="一项任务：由谁做，什么时候到期。")
class CaseTask:
    id: strawberry.ID = strawberry.field(description="标识。")
    case: strawberry.ID = strawberry.field(description="办件编号。")
    service: str = strawberry.field(description="事项标识。")
    service_title: str = strawberry.field(description="事项名称。")
    title: str = strawberry.field(description="任务名称。")
    roles: list[str] = strawberry.field(description="由这些角色做。")
    status: str = strawberry.field(description="open 待认领、claimed 在办、done 已办、cancelled 撤销。")
    unit: str = strawberry.field(description="交给哪个单位；没有指定的为空。")
    staff: str | None = strawberry.field(description="在谁手上；没有人认领的为空；群众看不到。")
    is_mine: bool = strawberry.field(description="在自己手上。")
    reason: str = strawberry.field(description="为什么派到这里；没有派单的为空。")
    opened_at: datetime = strawberry.field(description="开始时间（UTC）。")
    done_at: datetime | None = strawberry.field(description="做完的时间（UTC）。")
    due_at: datetime | None = strawberry.field(description="到期（UTC）。")
    is_provisional: bool = strawberry.field(description="到期时间暂定。")
    colour: DueColour = strawberry.field(description="期限的颜色。")


@strawberry.type(description="现在可以办的一步，和它的表单。")
class CaseAction:
    id: str = strawberry.field(description="标识。")
    title: str = strawberry.field(description="名称。")
    kind: str = strawberry.field(description="forward、return、correct、transfer、suspend、extend、withdraw、refuse……")
    needs_reason: bool = strawberry.field(description="要写理由。")
    required: list[str] = strawberry.field(description="办完这一步必须有值的字段；已经填过的不用再填。")
    schema: JSON = strawberry.field(description="所填内容的 JSON Schema。")
    ui: JSON = strawberry.field(description="控件和提示。")


@strawberry.type(description="申请里的一项内容，按自己的权限看到的样子。")
class CaseValue:
    field: str = strawberry.field(description="字段。")
    title: str = strawberry.field(description="名称。")
    value: JSON | None = strawberry.field(description="值；没有填或看不到的为空。")
    is_masked: bool = strawberry.field(description="打了码，或因此为空。")


@strawberry.type(description="一件事里没有办成的子办件，可以重新办理。")
class CaseFailedPart:
    id: strawberry.ID = strawberry.field(description="在这件事里的标识；重新办理时写上。")
    title: str = strawberry.field(description="事项名称。")
    number: strawberry.ID | None = strawberry.field(description="没有办成的那一件；没有受理的为空。")
