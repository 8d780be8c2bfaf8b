"""An account as an actor: everything a rule may ask about a caller, read from the rows that say so."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, Protocol

from tongban_sdk import Actor, NotAuthenticatedError, PermissionDeniedError

from core.expr.clock import CHINA
from core.fields.column import Column, Table
from core.identity.admins import ADMIN_ROLES, check_separation
from core.store.account_tables import ACCOUNT, ACCOUNT_PERSON
from core.store.dialect import Dialect
from core.store.statement import load_row, statement

AccountKind = Literal["citizen", "legal", "staff", "admin"]

# What is read of the core's own entities: columns by name, so that they are bound and loaded by their kind.
STAFF = Table(
    "core_staff",
    (
        Column("id", "uuid"), Column("person_id", "uuid"), Column("org_unit_id", "uuid"), Column("path", "text"),
        Column("work_division", "text"), Column("roles", "json"), Column("post_roles", "json"), Column("state", "text"),
    ),
)  # fmt: skip
GRID = Table("core_grid_assignment", (Column("staff_id", "uuid"), Column("today", "date")))
DELEGATION = Table(
    "core_delegation",
    (
        Column("id", "uuid"), Column("principal_id", "uuid"), Column("agent_id", "uuid"), Column("scopes", "json"),
        Column("item_codes", "json"), Column("until", "datetime"), Column("now", "datetime"),
    ),
)  # fmt: skip
OPERATOR = Table(
    "core_legal_operator",
    (
        Column("legal_entity_id", "uuid"),
        Column("person_id", "uuid"),
        Column("until", "datetime"),
        Column("kind", "text"),
        Column("now", "datetime"),
    ),
)
CONTRACT = Table("core_external_org", (Column("org_unit_id", "uuid"), Column("today", "date")))
STAFF_COLUMNS = ("person_id", "org_unit_id", "path", "work_division", "roles", "post_roles", "state")
STAFF_SQL = """SELECT s.person_id, s.org_unit_id, o.path, s.work_division, s.roles, p.roles, s.state FROM core_staff s
 JOIN core_org_unit o ON o.id = s.org_unit_id AND o.deleted_at IS NULL
 LEFT JOIN core_post p ON p.id = s.post_id AND p.deleted_at IS NULL
 WHERE s.id = {id} AND s.deleted_at IS NULL"""
GRIDS_SQL = """SELECT DISTINCT grid FROM core_grid_assignment WHERE staff_id = {staff_id} AND deleted_at IS NULL
 AND since <= {today} AND (until IS NULL OR until > {today}) ORDER BY grid"""
# A company works for the county under a contract, which holds for all units below the one that has it.
CONTRACT_SQL = """SELECT count(*), count(CASE WHEN c.state = 'active' AND c.contract_from <= {today}
 AND c.contract_to >= {today} THEN 1 END) FROM core_external_org c JOIN core_org_unit u ON u.id = c.org_unit_id
 JOIN core_org_unit o ON substr(o.path, 1, length(u.path)) = u.path
 WHERE o.id = {org_unit_id} AND c.deleted_at IS NULL"""
DELEGATION_SQL = """SELECT id, principal_id, agent_id, scopes, item_codes, until FROM core_delegation WHERE id = {id}
 AND agent_id = {agent_id} AND deleted_at IS NULL AND state = 'active' AND revoked_at IS NULL
 AND since <= {now} AND until > {now}"""
DELEGATION_COLUMNS = ("id", "principal_id", "agent_id", "scopes", "item_codes", "until")
# The register of legal entities says who represents one; a representative who was replaced acts no more.
OPERATOR_SQL = """SELECT CASE WHEN e.representative_id = {person_id} THEN NULL ELSE o.until END, e.kind
 FROM core_legal_entity e LEFT JOIN core_legal_operator o ON o.legal_entity_id = e.id AND o.person_id = {person_id}
 AND o.kind = 'operator' AND o.deleted_at IS NULL AND o.state = 'active'
 AND o.since <= {now} AND (o.until IS NULL OR o.until > {now})
 WHERE e.id = {legal_entity_id} AND e.deleted_at IS NULL AND e.state IN ('active', 'suspended')
 AND (e.representative_id = {person_id} OR o.id IS NOT NULL)"""


#: Whose operators are merchants and service providers by what they are (R04).
MERCHANTS = frozenset({"individual_business", "private_nonprofit"})


class Reads(Protocol):
    """A transaction."""

    def fetch(self, sql: str, args: Any = ()) -> Coroutine[Any, Any, list[Any]]: ...


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What an account row says of its holder."""

    id: str
    kind: AccountKind
    state: str = "active"
    staff: str | None = None
    legal_entity: str | None = None
    #: The citizen's account behind a legal one.
    holder: str | None = None
    admin_role: str | None = None
    #: Since when its password stands.
    password_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who the holder chose to be: one of the persons bound to the account, perhaps under a delegation."""

    person: str | None = None
    delegation: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A person an account may speak for, and how well that was checked (2 or 3)."""

    person: str
    real_name: int


@dataclass(frozen=True, slots=True)
class Known:
    """Who an account is now, and until when at most its rows say so."""

    actor: Actor
    until: datetime | None = None


class DelegationEndedError(PermissionDeniedError):
    """The delegation a session acts under no longer holds."""


ACCOUNT_COLUMNS = ("id", "kind", "state", "staff", "legal_entity", "holder", "admin_role", "password_at")


class Actors:
    """Reads accounts and makes actors of them, inside a transaction of the caller."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def account(self, tx: Reads, id: str, *, hold: bool = False) -> AccountFacts | None:
        """The account; with `hold`, nobody else changes it before the transaction ends."""
        columns = ", ".join(ACCOUNT_COLUMNS)
        text = f"SELECT {columns} FROM tb_account WHERE id = {{id}}"
        if hold:
            text = f"UPDATE tb_account SET state = state WHERE id = {{id}} RETURNING {columns}"
        rows = await self._fetch(tx, ACCOUNT, text, id=id)
        return AccountFacts(**load_row(self._dialect, ACCOUNT, ACCOUNT_COLUMNS, rows[0])) if rows else None

    async def bound(self, tx: Reads, account: str) -> list[Bound]:
        """The persons of an account, first bound first."""
        text = (
            "SELECT person, real_name FROM tb_account_person WHERE account = {account} AND ended_at IS NULL "
            "ORDER BY bound_at, person"
        )
        rows = await self._fetch(tx, ACCOUNT_PERSON, text, account=account)
        return [Bound(**load_row(self._dialect, ACCOUNT_PERSON, ("person", "real_name"), row)) for row in rows]

    async def actor_of(self, tx: Reads, account: AccountFacts, choice: Choice = Choice(), session: str = "") -> Known:
        """Who an account is. NotAuthenticatedError: this account may not be logged in; DelegationEndedError."""
        if account.state != "active":
            raise _refusal("账号已停用")
        match account.kind:
            case "citizen":
                return await self._citizen(tx, account, choice, session)
            case "legal":
                return await self._legal(tx, account, session)
            case "staff":
                return await self._staff(tx, account, session)
            case "admin":
                return Known(_admin(account, session))

    async def _citizen(self, tx: Reads, account: AccountFacts, choice: Choice, session: str) -> Known:
        bound = await self.bound(tx, account.id)
        me = _chosen(bound, choice.person)
        if choice.delegation is not None:
            return await self._delegate(tx, account, me, choice.delegation, session)
        actor = Actor(
            id=account.id, kind="citizen", person=me.person if me else None, session=session,
            roles=frozenset({"anonymous", "resident"}), real_name=me.real_name if me else 1,
        )  # fmt: skip
        return Known(actor)

    async def _delegate(
        self, tx: Reads, account: AccountFacts, me: Bound | None, delegation: str, session: str
    ) -> Known:
        agent = me.person if me else None
        rows = agent and await self._fetch(
            tx, DELEGATION, DELEGATION_SQL, id=delegation, agent_id=agent, now=datetime.now(UTC)
        )
        if not rows or me is None:
            raise DelegationEndedError(
                "这项委托不存在、已撤销或不在有效期内", hint="请以本人身份继续，或请委托人重新委托"
            )
        row = load_row(self._dialect, DELEGATION, DELEGATION_COLUMNS, rows[0])
        actor = Actor(
            id=account.id, kind="citizen", person=row["principal_id"], agent=row["agent_id"], delegation=row["id"],
            scopes=tuple(row["item_codes"] or row["scopes"] or ()), roles=frozenset({"anonymous", "delegate"}),
            real_name=me.real_name, session=session,
        )  # fmt: skip
        return Known(actor, row["until"])

    async def _legal(self, tx: Reads, account: AccountFacts, session: str) -> Known:
        """An operator acts for the company while core.legal_operator says so, and her own account is good."""
        holder = await self.account(tx, account.holder) if account.holder else None
        if holder is None or holder.state != "active":
            raise _refusal("账号已停用")
        for bound in await self.bound(tx, holder.id):
            found = await self._fetch(
                tx, OPERATOR, OPERATOR_SQL, legal_entity_id=account.legal_entity, person_id=bound.person,
                now=datetime.now(UTC),
            )  # fmt: skip
            if found:
                row = load_row(self._dialect, OPERATOR, ("until", "kind"), found[0])
                merchant = {"merchant"} if row["kind"] in MERCHANTS else set()
                actor = Actor(
                    id=account.id, kind="citizen", person=bound.person, legal_entity=account.legal_entity,
                    roles=frozenset({"anonymous", "legal_person"} | merchant), real_name=bound.real_name,
                    session=session,
                )  # fmt: skip
                return Known(actor, row["until"])
        raise _refusal("您不再是这个法人的经办人")

    async def _staff(self, tx: Reads, account: AccountFacts, session: str) -> Known:
        rows = await self._fetch(tx, STAFF, STAFF_SQL, id=account.staff)
        if not rows:
            raise _refusal("没有对应的工作人员")
        row = load_row(self._dialect, STAFF, STAFF_COLUMNS, rows[0])
        held = [*(row["roles"] or ()), *(row["post_roles"] or ()), "anonymous"]
        # The host and plugins act in these; nobody who could grant them to a person may.
        roles = frozenset(role for role in held if not role.endswith("_service"))
        if row["state"] != "active":
            raise _refusal("工作人员已离岗")
        if roles & ADMIN_ROLES:
            raise _refusal("工作人员不能兼任管理员")
        today = datetime.now(CHINA).date()
        ((contracts, in_force),) = await self._fetch(
            tx, CONTRACT, CONTRACT_SQL, org_unit_id=row["org_unit_id"], today=today
        )
        if contracts and not in_force:
            raise _refusal("所在单位的合同不在有效期内")
        grids = await self._fetch(tx, GRID, GRIDS_SQL, staff_id=account.staff, today=today)
        actor = Actor(
            id=account.id, kind="staff", staff=account.staff, person=row["person_id"], roles=roles,
            org=row["org_unit_id"], org_path=row["path"], division=row["work_division"],
            grids=tuple(grid for (grid,) in grids), session=session,
        )  # fmt: skip
        # Grids change hands, and contracts end, at midnight.
        return Known(actor, datetime.combine(today + timedelta(days=1), time(), CHINA))

    async def _fetch(self, tx: Reads, table: Table, text: str, **values: Any) -> list[Any]:
        return await tx.fetch(*statement(self._dialect, table, text, **values))


def _chosen(bound: list[Bound], person: str | None) -> Bound | None:
    """The chosen one while it is bound, else the only one. Between several nobody but the holder decides."""
    for one in bound:
        if one.person == person:
            return one
    return bound[0] if len(bound) == 1 else None


def _admin(account: AccountFacts, session: str) -> Actor:
    roles = frozenset({"anonymous", account.admin_role or ""})
    try:
        check_separation("admin", roles)
    except ValueError:
        raise _refusal("管理员账号没有有效的角色") from None
    return Actor(id=account.id, kind="admin", roles=roles, session=session)


def _refusal(message: str) -> NotAuthenticatedError:
    return NotAuthenticatedError(message, hint="请联系管理员")
