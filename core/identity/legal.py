"""Legal persons: a citizen acts for a company by a legal account of hers, as long as core.legal_operator says so."""

from __future__ import annotations

from tongban_sdk import Actor, NotAuthenticatedError, PermissionDeniedError, RealNameRequiredError

from core.identity.accounts import Account
from core.identity.actors import AccountFacts, Actors
from core.identity.citizens import Citizens, Parts
from core.identity.sessions import Pair
from core.store.errors import UniqueError

#: Whoever acts for others shows an identity document first.
LEVEL = 2


class LegalPersons:
    def __init__(self, parts: Parts, citizens: Citizens) -> None:
        self._parts, self._citizens = parts, citizens

    async def act_for(self, actor: Actor, legal_entity: str, client: str = "") -> Pair:
        """A log-in for the company, beside the citizen's own. PermissionDeniedError: not its operator."""
        holder = await self._citizens.own_account(actor)
        check_level(actor)
        await self._check_operator(holder, legal_entity)
        account = await self._account_of(holder, legal_entity)
        await self._parts.audit.tell("act_for_legal_entity", account, detail=f"legal entity {legal_entity}")
        pair = await self._parts.sessions.open(account.facts, client=client)
        await self._parts.accounts.succeed(account, self._parts.clock())
        return pair

    async def _check_operator(self, holder: Account, legal_entity: str) -> None:
        """Before there is an account: nobody makes rows by trying ids."""
        database = self._parts.accounts.database
        wanted = AccountFacts("", "legal", legal_entity=legal_entity, holder=holder.id)
        async with database.transaction() as tx:
            try:
                await Actors(database.dialect).actor_of(tx, wanted)
            except NotAuthenticatedError:
                raise PermissionDeniedError("您不是这个法人的法定代表人或经办人", hint="请法定代表人登记您") from None

    async def _account_of(self, holder: Account, legal_entity: str) -> Account:
        parts = self._parts
        found = await parts.accounts.legal(holder.id, legal_entity)
        if found is not None:
            return found
        now = parts.clock()
        try:
            async with parts.accounts.database.transaction() as tx:
                return await parts.accounts.create_in(
                    tx, "legal", holder.id, now, holder=holder.id, legal_entity=legal_entity
                )
        except UniqueError:  # another tab was faster
            made = await parts.accounts.legal(holder.id, legal_entity)
            assert made is not None
            return made


def check_level(actor: Actor) -> None:
    if actor.agent is not None:
        raise PermissionDeniedError("代办时不能代表法人", hint="请先回到本人身份")
    if actor.person is None or actor.real_name < LEVEL:
        raise RealNameRequiredError(LEVEL)
