"""Tortoise keys its insert text by table name: after a column is added, the old text would silently drop values."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from tortoise.backends.asyncpg.executor import AsyncpgExecutor
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.executor import EXECUTOR_CACHE, BaseExecutor
from tortoise.backends.sqlite.executor import SqliteExecutor
from tortoise.models import Model

_per_model: WeakKeyDictionary[type[Model], dict[Any, Any]] = WeakKeyDictionary()


class KeyedExecutor(BaseExecutor):
    """Cached statements belong to one model class: old and new classes of a table both insert rightly."""

    def __init__(self, model: type[Model], db: BaseDBAsyncClient, *args: Any, **kwargs: Any) -> None:
        key = (db.connection_name, model._meta.schema, model._meta.db_table)
        own = _per_model.setdefault(model, {})
        EXECUTOR_CACHE.pop(key, None)
        if key in own:
            EXECUTOR_CACHE[key] = own[key]
        super().__init__(model, db, *args, **kwargs)
        # Taken out again: the global table would keep the statements of closed databases for ever.
        own[key] = EXECUTOR_CACHE.pop(key)


class KeyedSqliteExecutor(KeyedExecutor, SqliteExecutor):
    pass


class KeyedPostgresExecutor(KeyedExecutor, AsyncpgExecutor):
    pass
