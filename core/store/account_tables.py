"""Tables of log-in: accounts, whom they stand for, passwords, one-time codes and quotas. No personal value in clear."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

ACCOUNT = Table(
    "tb_account",
    (
        Column("id", "uuid", null=False, primary=True),
        #: citizen | legal | staff | admin
        Column("kind", "text", null=False),
        #: Name of a staff member's or administrator's account; citizens have none.
        Column("login", "text"),
        #: A citizen's phone: sealed under "tb_account.phone_sealed:<id>", found by lookup(phone, "tb_account.phone").
        Column("phone_sealed", "text"),
        Column("phone_lookup", "text"),
        #: Who it is at an identity provider outside: lookup("<issuer> <subject>", "tb_account.outside").
        Column("outside", "text"),
        #: core.staff of a staff account.
        Column("staff", "uuid"),
        #: A legal account is what a citizen acts through for a core.legal_entity: one each, so that what is done for a
        #: company and what is done for oneself have different ids. Who may is in core.legal_operator.
        Column("legal_entity", "uuid"),
        Column("holder", "uuid"),
        #: system_admin | security_admin | audit_admin: one column, so that nobody can have two.
        Column("admin_role", "text"),
        #: active | disabled, and the code of why: dormant | recycled | returned | by_admin | unconfirmed, by a second
        #: administrator.
        Column("state", "text", null=False, default="active"),
        Column("state_why", "text", null=False, default=""),
        #: Account this one took the phone from, until its holder has shown who she is.
        Column("successor_of", "uuid"),
        #: Wrong tries since the last log-in; counted before a password is looked at.
        Column("failed", "int", null=False, default=0),
        Column("locked_until", "datetime"),
        #: SHA-256 of what the device of the last log-in keeps. Its tries are counted apart: a stranger's guesses do not
        #: lock out who has logged in before.
        Column("device", "text"),
        Column("device_failed", "int", null=False, default=0),
        Column("device_locked_until", "datetime"),
        #: argon2id, current one; older ones lie in tb_password.
        Column("password", "text"),
        Column("password_at", "datetime"),
        #: Given by somebody else: good for choosing an own one only.
        Column("password_temporary", "bool", null=False, default=False),
        #: Sealed under "tb_account.totp_sealed:<id>"; pending until a first code has confirmed it.
        Column("totp_sealed", "text"),
        Column("totp_pending", "text"),
        #: Last 30-second step used: each step only once.
        Column("totp_last_step", "int", null=False, default=0),
        Column("last_login_at", "datetime"),
        #: What waits for a second administrator: create | enable | password | totp; who asked (account), when, and what
        #: it brings: a hash, and the half of the password for who confirms, sealed under "tb_account.asked_half:<id>".
        Column("asked", "text"),
        Column("asked_by", "uuid"),
        Column("asked_at", "datetime"),
        Column("asked_password", "text"),
        Column("asked_half", "text"),
        #: Who had an administrator's password or second factor reset since its owner last logged in.
        Column("password_reset_by", "uuid"),
        Column("totp_reset_by", "uuid"),
        #: When it was enabled again: dormancy counts from here.
        Column("enabled_at", "datetime"),
        Column("created_at", "datetime", null=False),
        #: Account id of the creator, "setup", "demo" or "self".
        Column("created_by", "text", null=False),
    ),
    (
        Index(("login",), unique=True),
        Index(("phone_lookup",), unique=True),
        Index(("outside",), unique=True),
        Index(("staff",), unique=True),
        Index(("holder", "legal_entity"), unique=True),
        Index(("kind", "state")),
    ),
)

#: Persons an account may speak for as themselves. Ended bindings stay, so that it can be told who once had access.
ACCOUNT_PERSON = Table(
    "tb_account_person",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("account", "uuid", null=False),
        #: core.person
        Column("person", "uuid", null=False),
        #: 2 identity document checked, 3 face or in person
        Column("real_name", "int", null=False),
        #: Name of the provider that checked, or "window".
        Column("source", "text", null=False),
        Column("bound_at", "datetime", null=False),
        #: Account id of the clerk, or of the holder.
        Column("bound_by", "text", null=False),
        Column("ended_at", "datetime"),
    ),
    (Index(("account",)), Index(("person",))),
)

#: Passwords used before: argon2id.
PASSWORD = Table(
    "tb_password",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("account", "uuid", null=False),
        Column("password", "text", null=False),
        Column("at", "datetime", null=False),
    ),
    (Index(("account", "at")),),
)

#: Secrets that are good once and for minutes: codes sent to phones, tickets of a half-done log-in, states of OIDC.
CODE = Table(
    "tb_code",
    (
        #: lookup(phone), hash of the ticket, hash of the state; behind its purpose and a colon.
        Column("id", "text", null=False, primary=True),
        #: Keyed hash of the code; sealed facts of tickets and states.
        Column("secret", "text", null=False),
        Column("account", "uuid"),
        Column("tries", "int", null=False, default=0),
        Column("sent_at", "datetime", null=False),
        Column("expires_at", "datetime", null=False),
    ),
    (Index(("expires_at",)),),
)

#: How often something was asked for in a window of time: phones, addresses, accounts, as keyed hashes.
QUOTA = Table(
    "tb_quota",
    (
        Column("id", "text", null=False, primary=True),
        Column("count", "int", null=False),
        Column("ends_at", "datetime", null=False),
    ),
    (Index(("ends_at",)),),
)

ACCOUNT_TABLES = (ACCOUNT, ACCOUNT_PERSON, PASSWORD, CODE, QUOTA)
