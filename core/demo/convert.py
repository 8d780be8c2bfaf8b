"""Made rows → rows to insert, through the same fields that check a client's input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.demo.generators import DemoError
from core.demo.row import Row
from core.expr.clock import CHINA
from core.fields import SYSTEM_FIELDS, FieldError, all_fields
from core.fields.made import Computed
from core.fields.made import Sequence as SequenceField
from core.fields.tree import Path
from core.manifest.model import Entity

#: Who wrote the rows, in created_by and updated_by.
WRITER = "demo"
HOST_VALUES = frozenset({"created_at", "updated_at", "created_by", "updated_by", "version"})


class Counters:
    """Last number of each counter of a sequence field."""

    def __init__(self) -> None:
        self.last: dict[str, int] = defaultdict(int)

    def give(self, entity: Entity, rows: Sequence[Row]) -> None:
        """Number new rows; later blocks may name the numbers."""
        for name, field in entity.fields.items():
            if isinstance(field, SequenceField):
                for row in rows:
                    day = datetime.fromisoformat(row.values["created_at"]).astimezone(CHINA)
                    row.values[name] = self._number(entity, field, row.values["division"], day)

    def _number(self, entity: Entity, field: SequenceField, division: str, day: datetime) -> str:
        # The writer goes on from here: it asks the same name.
        counter = field.counter(entity.key, division, day.date())
        self.last[counter] += 1
        return field.render(division, day.date(), self.last[counter])


def canonical(entity: Entity, row: Row) -> dict[str, Any]:
    """Canonical values by field; raises DemoError for a value a client could not have sent either."""
    created_at = datetime.fromisoformat(row.values["created_at"])
    values: dict[str, Any] = {
        "created_at": created_at,
        "updated_at": created_at,
        "created_by": WRITER,
        "updated_by": WRITER,
        "version": 1,
    }
    for name, field in all_fields(entity).items():
        if name in HOST_VALUES:
            continue
        if isinstance(field, SequenceField):
            values[name] = row.values[name]
            continue
        if isinstance(field, Path):
            # Rows above come first: their paths are known.
            above = row.links.get(field.parent)
            values[name] = row.values[name] = field.under(
                above.values[name] if above else None, row.values[field.segment]
            )
            continue
        value = row.values.get(name)
        if value is not None:
            try:
                values[name] = field.parse(value)
            except FieldError as error:
                raise DemoError(f"{entity.key}.{name} 的演示值无效：{error.message}（{value!r}）") from error
        elif field.default is not None:
            values[name] = field.default
        elif field.required and name not in SYSTEM_FIELDS:
            raise DemoError(f"{entity.key}.{name} 必填，演示数据没有给出")
    _compute(entity, values, created_at)
    return values


def _compute(entity: Entity, values: dict[str, Any], now: datetime) -> None:
    me: Mapping[str, Any] = {}
    for name, field in entity.fields.items():
        if isinstance(field, Computed) and field.stored:
            values[name] = field.evaluate(values, me, now)
