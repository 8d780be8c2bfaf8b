"""The wallet as forms know it: what the caller may use today to fill in."""

from __future__ import annotations

from collections.abc import Sequence

from tongban_sdk.actor import Actor

from core.documents.documents import validity
from core.documents.wallet import Wallet
from core.forms.licences import Held, Licences


def held_in(wallet: Wallet) -> Licences:
    """A delegate's within his scopes, a company's for its operator; staff have nobody's."""

    async def held(actor: Actor) -> Sequence[Held]:
        if actor.kind != "citizen" or (actor.legal_entity or actor.person) is None:
            return ()
        good = [document for document in await wallet.mine(actor) if validity(document) == "valid"]
        return [Held(d.licence, d.title, d.number, d.unit, d.uscc, d.issued_on, d.valid_to) for d in good]

    return held
