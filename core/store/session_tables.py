"""Tables of log-in sessions: who is logged in where, and the refresh tokens of each. No token in clear."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

SESSION = Table(
    "tb_session",
    (
        Column("id", "uuid", null=False, primary=True),
        #: tb_account
        Column("account", "uuid", null=False),
        Column("kind", "text", null=False),
        #: What the holder will know the device by; never an address or a number of hers.
        Column("client", "text", null=False, default=""),
        #: Whom the holder chose to be: one of the persons bound to the account; null = the only one.
        Column("person", "uuid"),
        #: core.delegation she acts under; null = for herself.
        Column("delegation", "uuid"),
        #: Access tokens of lower generations are dead.
        Column("generation", "int", null=False, default=1),
        Column("opened_at", "datetime", null=False),
        #: Last request, as far as written down: nodes keep it in memory for seconds.
        Column("seen_at", "datetime", null=False),
        #: The session ends here, used or not.
        Column("ends_at", "datetime", null=False),
        #: When access tokens were last made invalid: what the nodes follow.
        Column("cut_at", "datetime"),
        Column("closed_at", "datetime"),
        #: Code of why it was closed: logout | reuse | idle | expired | revoked | …
        Column("reason", "text", null=False, default=""),
    ),
    (Index(("account",)), Index(("delegation",)), Index(("cut_at",)), Index(("ends_at",))),
)

REFRESH = Table(
    "tb_refresh",
    (
        #: SHA-256 of the token: 256 random bits need no slow hash.
        Column("id", "text", null=False, primary=True),
        Column("session", "uuid", null=False),
        Column("issued_at", "datetime", null=False),
        #: A used token is kept, so that a second use is told from a guess.
        Column("used_at", "datetime"),
        #: End of the session: of no interest to anybody afterwards.
        Column("ends_at", "datetime", null=False),
    ),
    (Index(("session",)), Index(("used_at",)), Index(("ends_at",))),
)

SESSION_TABLES = (SESSION, REFRESH)
