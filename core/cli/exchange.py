"""What `import` and `export` share: who does it, and with which entity."""

from __future__ import annotations

from dataclasses import replace

from tongban_sdk.actor import Actor
from tongban_sdk.errors import RequestError

from core.cli import UserError
from core.host import Host
from core.identity.actors import AccountFacts, Actors
from core.manifest.model import Entity
from core.store.account_tables import ACCOUNT
from core.store.database import Transaction
from core.store.statement import statement
from core.store.tables import table_of

STAFF = "core.staff"


def entity_of(host: Host, key: str) -> Entity:
    entity = host.generation.world.entity(key)
    if entity is None:
        raise UserError(f"没有实体 {key}：插件未启用或名称有误")
    return entity


async def officer(host: Host, account: str) -> Actor:
    """A member of staff, or one of the administrators, with all rights, as after logging in. On the first day there is
    no staff: the system administrator brings units, posts and staff in."""
    actors = Actors(host.database.dialect)
    async with host.database.transaction() as tx:
        facts = await _staff(host, tx, account) or await _administrator(host, tx, account)
        if facts is None:
            raise UserError(f"没有工作人员或管理员 {account!r}：--as 写 core.staff 的账号，或管理员的账号名")
        try:
            return (await actors.actor_of(tx, replace(facts, id=f"cli:{account}"))).actor
        except RequestError as error:
            raise UserError(f"{account}：{error.message}") from error


async def _staff(host: Host, tx: Transaction, account: str) -> AccountFacts | None:
    staff = host.generation.world.entities[STAFF]
    text = f'SELECT id FROM "{staff.table}" WHERE account = {{account}} AND deleted_at IS NULL'
    id = await tx.fetch_value(*statement(host.database.dialect, table_of(staff), text, account=account))
    return None if id is None else AccountFacts(id="", kind="staff", staff=str(id))


async def _administrator(host: Host, tx: Transaction, login: str) -> AccountFacts | None:
    text = "SELECT state, admin_role FROM tb_account WHERE login = {login} AND kind = 'admin'"
    rows = await tx.fetch(*statement(host.database.dialect, ACCOUNT, text, login=login))
    return AccountFacts(id="", kind="admin", state=rows[0][0], admin_role=rows[0][1]) if rows else None


def told(error: RequestError) -> UserError:
    return UserError(f"{error.message}{f'（{error.hint}）' if error.hint else ''} [{error.code}]")
