"""Accounts of officers nobody uses are disabled: once a night, and at log-in in between."""

from __future__ import annotations

from datetime import datetime, timedelta

from tongban_sdk import Actor

from core.audit import Audit, Entry
from core.store.account_tables import ACCOUNT
from core.store.database import Database
from core.store.statement import statement

_DISABLE = """UPDATE tb_account SET state = 'disabled', state_why = 'dormant'
 WHERE kind IN ('staff', 'admin') AND state = 'active' AND created_at <= {before:created_at}
 AND (last_login_at IS NULL OR last_login_at <= {before:created_at})
 AND (enabled_at IS NULL OR enabled_at <= {before:created_at}) RETURNING id"""


async def disable_dormant(database: Database, audit: Audit, actor: Actor, days: int, now: datetime) -> list[str]:
    """Ids of the accounts disabled, each with its line in the audit."""
    sql = statement(database.dialect, ACCOUNT, _DISABLE, before=now - timedelta(days=days))
    async with database.transaction() as tx:
        ids = [str(id) for (id,) in await tx.fetch(*sql)]
        await audit.within(tx, *(Entry(actor, "disable_account", row_id=id, detail="dormant") for id in ids))
    return ids
