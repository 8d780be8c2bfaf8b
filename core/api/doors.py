"""All doors of one running server, as the pages and the composition root hold them."""

from __future__ import annotations

from dataclasses import dataclass

from core.api.files import Files
from core.api.http import GraphQLEndpoint
from core.api.websocket import Sockets
from core.host import Host
from core.identity.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything that can be reached from outside, in front of one host."""

    host: Host
    tokens: Tokens
    graphql: GraphQLEndpoint
    sockets: Sockets
    files: Files
