"""Tortoise models over the product's tables, as one writes them; two fields know how SQLite stores money and time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tortoise import fields
from tortoise.models import Model

from core.store.dialect import datetime_text


class Money(fields.DecimalField[Any]):
    """Whole cents on SQLite, numeric on Postgres."""

    def to_db_value(self, value: Any, instance: Any) -> Any:
        return value if value is None or _is_postgres(instance) else int(value * 100)

    def to_python_value(self, value: Any) -> Any:
        return Decimal(value) / 100 if isinstance(value, int) else value


class Instant(fields.DatetimeField[Any]):
    """Text with milliseconds and Z on SQLite, timestamptz on Postgres."""

    def to_db_value(self, value: Any, instance: Any) -> Any:
        return value if value is None or _is_postgres(instance) else datetime_text(value)

    def to_python_value(self, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(value, str) else value


def _is_postgres(instance: Any) -> bool:
    return bool(instance._meta.db.capabilities.dialect == "postgres")


class Row(Model):
    """System columns."""

    id = fields.UUIDField(primary_key=True)
    division = fields.CharField(12)
    created_at = Instant()
    created_by = fields.TextField()
    updated_at = Instant()
    updated_by = fields.TextField()
    version = fields.IntField()
    deleted_at = Instant(null=True)

    class Meta:
        abstract = True


class Person(Row):
    number = fields.IntField()
    name = fields.TextField()
    phone = fields.TextField(null=True)
    sex = fields.TextField(null=True)

    class Meta:
        table = "bench_person"


class Event(Row):
    title = fields.TextField()
    category = fields.TextField()
    state = fields.TextField()
    amount = Money(38, 2, null=True)
    happened_at = Instant()
    score = fields.IntField(null=True)
    urgent = fields.BooleanField(null=True)
    reporter: fields.ForeignKeyNullableRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="events", null=True, on_delete=fields.SET_NULL
    )

    class Meta:
        table = "bench_event"
