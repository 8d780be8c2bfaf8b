"""What a document says: the paragraphs of its template with the values of a row in their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, UnreadableError

from core.expr.clock import CHINA
from core.fields import all_fields
from core.fields.base import Field
from core.fields.choices import Code, Enum
from core.fields.refs import Ref
from core.manifest.model import Entity, World
from core.manifest.outputs import DocumentTemplate
from core.manifest.placeholders import placeholders
from core.privacy.rows import Lying
from core.store.database import Transaction
from core.write.rest import Unreadable

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """Of one generation."""

    world: World
    lying: Lying

    async def paragraphs(
        self, tx: Transaction, template: DocumentTemplate, row: Mapping[str, Any], facts: Mapping[str, str]
    ) -> tuple[str, ...]:
        """The text to print. InvalidInputError names everything that is still empty: no paper with holes."""
        entity = self._entity(template.entity)
        found, problems = dict(facts), []
        for name in dict.fromkeys(n for text in template.paragraphs for n in placeholders(text) if n not in facts):
            field, value = await self._value(tx, entity, row, name.split("."))
            if isinstance(value, Unreadable):
                raise UnreadableError(f"{field.title}打不开，不能出具{template.title}", hint="请联系系统管理员")
            if value is None or value == "":
                problems.append(InputProblem(("values", name), f"{field.title}还没有填写", "document.empty"))
                continue
            found[name] = self._printed(field, value)
        if problems:
            empty = "、".join(problem.message for problem in problems)
            raise InvalidInputError(f"还不能出具{template.title}：{empty}", problems)
        return tuple(_PLACEHOLDER.sub(lambda match: found[match[1]], text) for text in template.paragraphs)

    async def _value(
        self, tx: Transaction, entity: Entity, row: Mapping[str, Any], path: list[str]
    ) -> tuple[Field, Any]:
        """Through refs to the field at the end of a path; None where a ref leads nowhere."""
        head, *rest = path
        field = all_fields(entity)[head]
        if not rest or row.get(head) is None:
            return field, row.get(head)
        assert isinstance(field, Ref)
        target = self._entity(field.to)
        rows = await self.lying.rows(target, "id = {id}", tx=tx, id=row[head])
        return await self._value(tx, target, rows[0], rest) if rows else (field, None)

    def _entity(self, key: str) -> Entity:
        found = self.world.entity(key)
        if found is None:
            raise ConflictError("出具文书的应用没有启用", hint="请联系系统管理员")
        return found

    def _printed(self, field: Field, value: Any) -> str:
        if isinstance(field, Enum):
            return str(field.values[value])
        if isinstance(field, Code):
            return self.world.codes[field.code_set].items[value].title
        return printed(value)


def printed(value: Any) -> str:
    """A canonical value as it stands on paper."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        local = value.astimezone(CHINA)
        return f"{printed(local.date())}{local:%H:%M}"
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
