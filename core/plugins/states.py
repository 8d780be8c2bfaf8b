"""Rows about plugins and nodes: what was chosen, which number stands, who has followed."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.fields.column import Table
from core.fields.places import division_range
from core.plugins.status import Chosen, NodeStatus
from core.store.database import Database, Transaction
from core.store.runtime_tables import NODE, PLUGIN
from core.store.statement import load_row, statement

#: plugin id → division ("" = everywhere) → choice.
Choices = Mapping[str, Mapping[str, Chosen]]

#: Writes what stands or falls with a choice.
Tell = Callable[[Transaction], Awaitable[None]]
#: A node that has not reported for this long is taken for gone.
NODE_LIFE_S = 5.0


def choice_in(choices: Mapping[str, Chosen], division: str) -> Chosen:
    """The choice of the smallest division around this one; everywhere else the general one; on when nobody chose."""
    around = [code for code in choices if code and division and _holds(code, division)]
    # Divisions around one place are nested, and a part has a larger code than its whole.
    return choices[max(around)] if around else choices.get("", "on")


def _holds(code: str, division: str) -> bool:
    first, last = division_range(code)
    return first <= division <= last


def is_wanted(choices: Mapping[str, Chosen]) -> bool:
    """On or draining anywhere: its types must be in the API."""
    return choices.get("", "on") != "off" or any(choice != "off" for choice in choices.values())


class States:
    """SQL of tb_plugin, tb_generation and tb_node."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect

    async def number(self) -> int:
        return int(await self._database.fetch_value("SELECT number FROM tb_generation WHERE id = 1", []) or 0)

    async def choices(self) -> Choices:
        rows = await self._database.fetch("SELECT plugin_id, division, state FROM tb_plugin", [])
        choices: dict[str, dict[str, Chosen]] = defaultdict(dict)
        for plugin_id, division, state in rows:
            choices[plugin_id][division] = state
        return choices

    async def choose(
        self, plugin_id: str, division: str, state: Chosen, actor_id: str, tell: Tell | None = None
    ) -> int:
        """Record the choice, take the next number and tell of it: all or nothing."""
        text = (
            "INSERT INTO tb_plugin (id, plugin_id, division, state, changed_by, changed_at) "
            "VALUES ({id}, {plugin_id}, {division}, {state}, {changed_by}, {changed_at}) "
            "ON CONFLICT (plugin_id, division) DO UPDATE SET state = excluded.state, "
            "changed_by = excluded.changed_by, changed_at = excluded.changed_at RETURNING id"
        )
        async with self._database.transaction() as transaction:
            await self._fetch(
                transaction, PLUGIN, text, id=str(uuid.uuid4()), plugin_id=plugin_id, division=division, state=state,
                changed_by=actor_id, changed_at=datetime.now(UTC),
            )  # fmt: skip
            if tell is not None:
                await tell(transaction)
            return await self._next_number(transaction)

    async def _next_number(self, transaction: Transaction) -> int:
        rows = await transaction.fetch(
            "INSERT INTO tb_generation (id, number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET number = tb_generation.number + 1 RETURNING number",
            [],
        )
        return int(rows[0][0])

    async def report(self, node: NodeStatus) -> None:
        """Say that this node lives and what it runs; rows of the long dead are swept on the way."""
        text = (
            "INSERT INTO tb_node (id, generation, manifest_hash, schema_hash, seen_at, quarantined) "
            "VALUES ({id}, {generation}, {manifest_hash}, {schema_hash}, {seen_at}, {quarantined}) "
            "ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, manifest_hash = excluded.manifest_hash, "
            "schema_hash = excluded.schema_hash, seen_at = excluded.seen_at, quarantined = excluded.quarantined "
            "RETURNING id"
        )
        dead = "DELETE FROM tb_node WHERE seen_at < {before:seen_at} RETURNING id"
        async with self._database.transaction() as transaction:
            await self._fetch(
                transaction, NODE, text, id=node.node_id, generation=node.generation, seen_at=node.seen_at,
                manifest_hash=node.manifest_hash, schema_hash=node.schema_hash, quarantined=node.quarantined,
            )  # fmt: skip
            await self._fetch(transaction, NODE, dead, before=node.seen_at - timedelta(days=1))

    async def forget(self, node_id: str) -> None:
        async with self._database.transaction() as transaction:
            await self._fetch(transaction, NODE, "DELETE FROM tb_node WHERE id = {id} RETURNING id", id=node_id)

    async def nodes(self) -> list[NodeStatus]:
        """Nodes that live, by id."""
        names = ("id", "generation", "manifest_hash", "schema_hash", "seen_at", "quarantined")
        text = f"SELECT {', '.join(names)} FROM tb_node WHERE seen_at >= {{alive:seen_at}} ORDER BY id"
        alive = datetime.now(UTC) - timedelta(seconds=NODE_LIFE_S)
        rows = await self._database.fetch(*statement(self._dialect, NODE, text, alive=alive))
        found = (load_row(self._dialect, NODE, names, row) for row in rows)
        # Null: the row of a release that did not know the column.
        return [NodeStatus(*{**row, "quarantined": row["quarantined"] or {}}.values()) for row in found]

    async def _fetch(self, transaction: Transaction, table: Table, text: str, **values: Any) -> Any:
        return await transaction.fetch(*statement(self._dialect, table, text, **values))
