"""What expressions ask of tables: the tree of organisations, participants of cases, the ledger of consents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from core.expr import Expr, parse
from core.expr.tree import Call, Literal
from core.expr.types import TEXT, UUID
from core.manifest.consents import purposes_of
from core.manifest.model import World
from core.store.dialect import quote
from core.store.privacy_tables import CONSENT

if TYPE_CHECKING:
    from core.access.scope import EntityScope

ORG_UNIT = "core.org_unit"
PARTICIPANT = "core.case_participant"
#: Names the manifest of core gives these facts.
_TAKES_PART = parse("staff == me.staff && since <= now() && (until == null || until > now())")


def in_org(scope: EntityScope, _expr: Call, arguments: Sequence[str]) -> str:
    """The unit is the caller's or below it."""
    org = scope.world.entity(ORG_UNIT)
    if org is None:
        return "FALSE"
    inner = scope.beside(org)
    path = inner.within(inner.column(("path",))[0], "org_path")
    source, id = f"{quote(org.table)} {inner.alias}", inner.name("id")
    return scope.either(
        "org_path_is_wide",
        f"EXISTS (SELECT 1 FROM {source} WHERE {id} = {arguments[0]} AND {path})",
        f"{arguments[0]} IN (SELECT {id} FROM {source} WHERE {path})",
    )


def participates(scope: EntityScope, _expr: Call, arguments: Sequence[str]) -> str:
    """The caller takes part in the case now."""
    participant = scope.world.entity(PARTICIPANT)
    if participant is None:
        return "FALSE"
    inner = scope.beside(participant)
    source = f"{quote(participant.table)} {inner.alias}"
    live = f"{inner.name('deleted_at')} IS NULL AND {inner.name('case_no')} = {arguments[0]}"
    return f"EXISTS (SELECT 1 FROM {source} WHERE {live} AND {inner.sql(_TAKES_PART)})"


def consented(scope: EntityScope, expr: Call, arguments: Sequence[str]) -> str:
    """The latest word of a person on a purpose is yes, to the words that stand in the manifest today."""
    person, purpose = arguments
    version = scope.const(_version(scope.world, expr.arguments[1]), TEXT)
    source = f"{quote(CONSENT.name)} WHERE person = {person} AND purpose = {purpose} ORDER BY at DESC, id DESC LIMIT 1"
    return f"coalesce((SELECT action = 'grant' AND text_version = {version} FROM {source}), FALSE)"


def _version(world: World, purpose: Expr) -> str:
    key = str(purpose.value) if isinstance(purpose, Literal) else ""
    plugin = world.plugins.get(key.partition(".")[0])
    found = purposes_of(plugin).get(key) if plugin else None
    return found.version if found else ""


#: Each gives SQL that is true or false, never unknown, for arguments that are not null.
ASKS: Mapping[str, Callable[[EntityScope, Call, Sequence[str]], str]] = {
    "in_org": in_org,
    "participates": participates,
    "consented": consented,
}


def known(scope: EntityScope, fact: str, arguments: Sequence[str]) -> str:
    """Neither an argument nor the fact of the caller is null."""
    facts = {"org_path": "org_path_first"}.get(fact, fact)
    me = [scope.me(facts, TEXT if fact == "org_path" else UUID)] if fact else []
    return " AND ".join(f"{sql} IS NOT NULL" for sql in (*arguments, *me))
