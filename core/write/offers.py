"""What rooms of the host offer to the Python of plugins: `HostApi.call("slots.hold", {…})`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, NotFoundError

from core.fields.json_schema import problems_of

Run = Callable[[Actor, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Offer:
    """One capability. `run` acts in the rights of its actor and answers JSON values."""

    about: str
    #: JSON Schema of the arguments, an object.
    args: Mapping[str, Any]
    run: Run


async def call(offers: Mapping[str, Offer], actor: Actor, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Errors as of `HostApi.call`."""
    offer = offers.get(name)
    if offer is None:
        raise NotFoundError(f"没有共享能力 {name}", hint=f"现有：{'、'.join(sorted(offers)) or '无'}")
    if problems := tuple(problems_of(offer.args, dict(args), "args")):
        raise InvalidInputError(f"调用 {name} 的参数有误", problems)
    return await offer.run(actor, args)
