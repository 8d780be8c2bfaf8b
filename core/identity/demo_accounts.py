"""Log-ins a demo made are nobody's: a server in production that finds any closes them before it answers."""

from __future__ import annotations

from tongban_sdk import Actor

from core.audit import Audit, Entry
from core.identity.sessions import Sessions
from core.store.database import Database

_HOST = Actor(id="system", kind="system")
#: A phone goes back to whoever really has it.
_CLOSE = """UPDATE tb_account SET state = 'disabled', state_why = 'demo', phone_lookup = NULL, phone_sealed = NULL
 WHERE created_by = 'demo' AND state = 'active' RETURNING id"""


async def close_demo_accounts(database: Database, audit: Audit, sessions: Sessions) -> int:
    """How many there were, each with its line in the audit."""
    async with database.transaction() as tx:
        ids = [str(id) for (id,) in await tx.fetch(_CLOSE, [])]
        await audit.within(tx, *(Entry(_HOST, "disable_account", row_id=id, detail="demo") for id in ids))
    for id in ids:
        await sessions.revoke(id, "disabled")
    return len(ids)
