"""What a step may send: values of the case's row and of rows its refs lead to, as far as they may leave the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tongban_sdk.errors import ConflictError, InvalidInputError

from core.access.protection import protection_of
from core.cases.conditions import Conditions
from core.cases.handing import Handing
from core.cases.step import Step
from core.expr import Expr, paths
from core.expr.tree import Path
from core.fields import Field, all_fields
from core.fields.json_schema import problems_of
from core.manifest.connectors import Connector, Operation
from core.manifest.model import Entity
from core.store.json_values import to_json


@dataclass(frozen=True)
class Outgoing:
    """The values of one call."""

    step: Step
    connector: Connector

    @cached_property
    def _handing(self) -> Handing:
        return Handing(self.step)

    async def values(self, operation: Operation, exprs: Mapping[str, Expr]) -> dict[str, Any]:
        """JSON values that fit the request. Nothing is sent that is above the connector's level, about a child, or
        rests on a consent that is no more: ConflictError. InvalidInputError for what the request refuses."""
        given = {name: to_json(await self._value(expr)) for name, expr in exprs.items()}
        given = {name: value for name, value in given.items() if value is not None}
        self._check(operation, exprs, given)
        return given

    def _check(self, operation: Operation, exprs: Mapping[str, Expr], given: Mapping[str, Any]) -> None:
        own = {name: expr.names[0] for name, expr in exprs.items() if isinstance(expr, Path) and len(expr.names) == 1}
        problems = [
            replace(
                problem, path=("values", *(own.get(str(step), step) for step in problem.path[1:2]), *problem.path[2:])
            )
            for problem in problems_of(operation.request, given, "values")
        ]
        if problems:
            raise InvalidInputError(
                f"还不能“{operation.title}”：要发给{self.connector.system}的内容不全或不对", problems
            )

    async def _value(self, expr: Expr) -> Any:
        for path in paths(expr):
            entity, id, name = await self._handing.walk(path)
            if id is not None:
                await self._check_field(entity, id, all_fields(entity)[name])
        return await self._handing.value(expr)

    async def _check_field(self, entity: Entity, id: str, field: Field) -> None:
        if field.level > self.connector.level_max:
            raise ConflictError(
                f"{field.title}的分级 {field.level} 高于“{self.connector.title}”的上限，这一步没有办",
                hint="请联系系统管理员检查连接器的 level_max",
            )
        protection = protection_of(self.step.live.world, entity, field)
        asked = [expr for expr in (protection.adult, protection.consent) if expr is not None]
        conditions = Conditions.of(self.step.live, self.step.engine.database.dialect)
        step = self.step
        if not all(await conditions.holds(step.tx, entity, id, asked, step.me, step.now)) if asked else False:
            message = f"{field.title}是未满十四周岁的人的，或本人没有同意，不能发给{self.connector.system}"
            raise ConflictError(message, hint="请换一种办法，如当面领取")
