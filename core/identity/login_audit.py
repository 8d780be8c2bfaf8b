"""What the audit says of log-ins: accounts by id, strangers by a keyed hash; never a phone, a code or a password."""

from __future__ import annotations

from collections.abc import Sequence

from tongban_sdk import Actor, RequestError

from core.audit import Audit, Entry
from core.crypto import Vault
from core.identity.accounts import Account
from core.store.database import Transaction


class LoginAudit:
    """Lines of their own: a try that failed is told of, too."""

    def __init__(self, audit: Audit, vault: Vault) -> None:
        self._audit, self._vault = audit, vault

    async def tell(
        self, action: str, account: Account | None, *, tried: str = "", error: RequestError | None = None,
        subjects: Sequence[str] = (), detail: str = "", tx: Transaction | None = None,
    ) -> None:  # fmt: skip
        """AuditUnavailableError when it cannot be written: then nobody logs in. `tried`: a stranger's own words.

        With `tx` it stands or falls with that."""
        who = f"account {account.id}" if account else f"unknown {self.hash_of(tried)}"
        entry = Entry(
            actor_of(account), action, row_id=account.id if account else "", result=error.code if error else "ok",
            subjects=tuple(subjects), detail=f"{who}; {detail}" if detail else who,
        )  # fmt: skip
        await (self._audit.record(entry) if tx is None else self._audit.within(tx, entry))

    async def tell_of(
        self, actor: Actor, action: str, account: Account | None = None, *, error: RequestError | None = None,
        subjects: Sequence[str] = (), detail: str = "", tx: Transaction | None = None,
    ) -> None:  # fmt: skip
        """What somebody who is logged in does to an account; with `tx` it stands or falls with that."""
        entry = Entry(
            actor, action, row_id=account.id if account else "", result=error.code if error else "ok",
            subjects=tuple(subjects), detail=detail,
        )  # fmt: skip
        await (self._audit.record(entry) if tx is None else self._audit.within(tx, entry))

    def hash_of(self, tried: str) -> str:
        return self._vault.lookup(tried, "tb_audit.unknown")[:24]


def actor_of(account: Account | None) -> Actor:
    """Who a line of the audit is about, before there is a session."""
    if account is None:
        return Actor()
    return Actor(id=account.id, kind="citizen" if account.kind == "legal" else account.kind)
