"""Tortoise models of tables, made when somebody first asks. They know their database, so any task can use them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from pypika_tortoise.queries import Table as PypikaTable
from tortoise import context as tortoise_context
from tortoise.context import TortoiseContext
from tortoise.fields import Field
from tortoise.models import MetaInfo, Model

from core.fields.column import Column, Table
from core.store.clients import (
    PostgresTransactionClient,
    SqliteTransactionClient,
    StorePostgresClient,
    StoreSqliteClient,
)
from core.store.dialect import Dialect, bind
from core.store.postgres import PostgresEngine
from core.store.sqlite import SqliteEngine

ALIAS = "default"
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
#: Attributes of Model that a column must not replace.
RESERVED = frozenset(name for name in dir(Model) if not name.startswith("_"))
Client = StoreSqliteClient | StorePostgresClient
TransactionClient = SqliteTransactionClient | PostgresTransactionClient


class CanonicalField(Field[Any]):
    """A column whose Python value is the canonical one."""

    skip_to_python_if_native = False
    field_type = object

    def __init__(self, dialect: Dialect, column: Column) -> None:
        super().__init__(source_field=column.name, primary_key=column.primary, null=column.null, default=column.default)
        self._dialect = dialect
        self._column = column

    def to_db_value(self, value: Any, instance: Any) -> Any:
        return bind(self._dialect, self._column, value)

    def to_python_value(self, value: Any) -> Any:
        return self._dialect.load(self._column, value) if self._dialect.is_raw(self._column, value) else value


class Models:
    """The models of one Database, with the Tortoise context they live in."""

    def __init__(self, engine: SqliteEngine | PostgresEngine) -> None:
        self._engine = engine
        self._context = TortoiseContext()
        self._tables: dict[str, Table] = {}
        self._made: dict[str, type[Model]] = {}
        models = self

        class Meta(MetaInfo):
            """No global state decides which database a model talks to."""

            __slots__ = ()

            @property
            def db(self) -> Any:
                return models.client

        self._meta_class = Meta

    async def open(self) -> None:
        credentials = {"store": self._engine}
        connections: dict[str, Any] = {ALIAS: {"engine": "core.store.clients", "credentials": credentials}}
        # Not Tortoise.init: it wants apps, and sets state that all databases of the process would share.
        await self._context.connections._init(connections, create_db=False)
        client = cast(Client, self._context.connections.get(ALIAS))
        client.handler = self._context.connections

    @property
    def client(self) -> Client | TransactionClient:
        """The transaction of this task, else the database. Tortoise's own functions learn their context here too."""
        if tortoise_context._current_context.get() is not self._context:
            tortoise_context._current_context.set(self._context)
        return cast("Client | TransactionClient", self._context.connections.get(ALIAS))

    def transaction(self) -> AbstractAsyncContextManager[TransactionClient]:
        return cast("AbstractAsyncContextManager[TransactionClient]", self.client._in_transaction())

    def use(self, tables: Iterable[Table]) -> None:
        for table in tables:
            if self._tables.get(table.name) != table:
                check_names(table)
                self._tables[table.name] = table
                self._made.pop(table.name, None)

    def get(self, name: str) -> type[Model]:
        model = self._made.get(name)
        if model is None:
            model = self._made[name] = self._make(self._tables[name])
        return model

    def _make(self, table: Table) -> type[Model]:
        fields: dict[str, Any] = {c.name: CanonicalField(self._engine.dialect, c) for c in table.columns}
        options = type("Meta", (), {"table": table.name, "app": "tongban"})
        name = "".join(part.capitalize() for part in table.name.split("_"))
        model = cast("type[Model]", type(name, (Model,), {**fields, "__module__": __name__, "Meta": options}))
        meta = model._meta
        meta.__class__ = self._meta_class
        meta._inited = True
        meta.default_connection = ALIAS
        # What Apps._build_initial_querysets does, for this class alone: a registry could be left half filled.
        meta.finalise_model()
        meta.basetable = PypikaTable(name=table.name)
        query = meta.db.query_class.from_(meta.basetable)
        meta.basequery = cast(Any, query)
        meta.basequery_all_fields = cast(Any, query.select(*meta.db_fields))
        return model


def check_names(table: Table) -> None:
    """Tortoise refuses some names late and accepts others it cannot work with."""
    for name in (table.name, *(c.name for c in table.columns)):
        if not NAME.fullmatch(name) or (name != table.name and name in RESERVED):
            raise ValueError(f"{table.name}: {name!r} cannot be a column of a model")
