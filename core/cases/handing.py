"""Values of a case's row on their way elsewhere: to another case, or out of the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tongban_sdk.errors import ConflictError

from core.cases.step import Step
from core.expr import Expr
from core.expr.tree import Path
from core.fields.refs import Ref
from core.manifest.model import Entity
from core.privacy.rows import Lying
from core.write.rest import Unreadable
from core.write.values import Row


@dataclass(frozen=True)
class Handing:
    """Of one step; each row is read once."""

    step: Step
    _rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    async def value(self, expr: Expr) -> Any:
        """Canonical. A field as it is is opened where it lies sealed; of anything else the database works out the
        value, of plain fields only. ConflictError for what cannot be opened."""
        if isinstance(expr, Path):
            entity, id, name = await self.walk(expr.names)
            row = await self._row(entity, id) if id is not None else {}
            if not row:
                return None
            if isinstance(row.get(name), Unreadable):
                title = entity.fields[name].title
                raise ConflictError(
                    f"{title}打不开：密钥不在了，或者内容被改动过，这一步没有办", hint="请联系系统管理员"
                )
            if name in row:
                return row[name]
        return (await self.step.values([expr]))[0]

    async def walk(self, names: tuple[str, ...]) -> tuple[Entity, str | None, str]:
        """The entity and the row that hold the last name; None where a ref on the way is empty, or its row deleted."""
        entity: Entity = self.step.entity
        id: str | None = self.step.case.row_id
        for name in names[:-1]:
            ref = entity.fields[name]
            assert isinstance(ref, Ref)
            id = (await self._row(entity, id)).get(name) if id is not None else None
            entity = self.step.live.world.entities[ref.to]
        return entity, id, names[-1]

    async def _row(self, entity: Entity, id: str) -> Row:
        """{} = deleted."""
        key = (entity.key, id)
        if key not in self._rows:
            await self.step.flush()
            lying = Lying(self.step.engine.database, self.step.engine.vault)
            found = await lying.rows(entity, "id = {id}", tx=self.step.tx, id=id)
            self._rows[key] = found[0] if found else {}
        return self._rows[key]
