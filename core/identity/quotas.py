"""How often something may be asked for: counters in the database, so that all nodes count together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tongban_sdk import RateLimitedError

from core.crypto import Vault
from core.fields.times import utc_now
from core.identity.login_policy import Quota, QuotaPolicy
from core.store.account_tables import QUOTA
from core.store.database import Database
from core.store.statement import statement

_TAKE = (
    "INSERT INTO tb_quota (id, count, ends_at) VALUES ({id}, {by:count}, {ends:ends_at}) "
    "ON CONFLICT (id) DO UPDATE SET "
    "count = CASE WHEN tb_quota.ends_at <= {now:ends_at} THEN excluded.count ELSE tb_quota.count + excluded.count END, "
    "ends_at = CASE WHEN tb_quota.ends_at <= {now:ends_at} THEN excluded.ends_at ELSE tb_quota.ends_at END "
    "RETURNING count, ends_at"
)
#: Conformance runs and demos stand behind one address.
OPEN_FACTOR = 1_000


class Quotas:
    """One per process. Keys are kept as keyed hashes: a phone or an address is never in the table."""

    def __init__(
        self, database: Database, vault: Vault, policy: QuotaPolicy, *, is_open: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        self._database, self._vault, self._policy, self._clock = database, vault, policy, clock
        self._factor = OPEN_FACTOR if is_open else 1

    async def take(self, name: str, key: str, by: int = 1) -> None:
        """Count so many more, or RateLimitedError. `name` is a quota of the policy."""
        quota: Quota = getattr(self._policy, name)
        now = self._clock()
        ends = now + timedelta(seconds=quota.window_s)
        sql = statement(self._database.dialect, QUOTA, _TAKE, id=self._id(name, key), by=by, ends=ends, now=now)
        async with self._database.transaction() as tx:
            [(count, until)] = await tx.fetch(*sql)
        # An address may be a demo's whole county; a phone is one phone everywhere.
        allowed = quota.count * (self._factor if name.endswith("_address") else 1)
        if count > allowed:
            until = self._database.dialect.load(QUOTA.column("ends_at"), until)
            raise RateLimitedError("操作过于频繁，请稍后再试", retry_after_s=max(1.0, (until - now).total_seconds()))

    async def give_back(self, name: str, key: str) -> None:
        """What was counted did not happen."""
        text = "UPDATE tb_quota SET count = count - 1 WHERE id = {id} AND count > 0"
        async with self._database.transaction() as tx:
            await tx.execute(*statement(self._database.dialect, QUOTA, text, id=self._id(name, key)))

    def _id(self, name: str, key: str) -> str:
        return f"{name}:{self._vault.lookup(key, f'tb_quota.{name}')}"
