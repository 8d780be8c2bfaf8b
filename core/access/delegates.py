"""Who acts for another sees what that person sees, as far as a rule for delegates opens it, and nothing else.

A rule for delegates is therefore no right of its own: it is met with every rule of the person's own role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.expr.tree import both
from core.manifest.model import DELEGATE, Relation, Rule

PRINCIPAL = "resident"


def without_excess(rules: Sequence[Rule]) -> Iterator[Rule]:
    """Rules for one action on one entity, in their order; those for delegates cut down to what principals may."""
    own = [rule for rule in rules if rule.role == PRINCIPAL]
    for rule in rules:
        if rule.role == DELEGATE:
            yield from (_common(rule, principal) for principal in own)
        else:
            yield rule


def _common(rule: Rule, principal: Rule) -> Rule:
    return replace(
        rule,
        where=both(rule.where, principal.where),
        fields=rule.fields & principal.fields,
        clear=rule.clear & principal.clear,
        unmask=rule.unmask & (principal.unmask | principal.clear),
        relation=_relation(rule.relation, principal.relation),
        # Rights are told apart by their ids: each pair is one.
        id=f"{rule.id}({principal.id})",
    )


def _relation(own: Relation, principals: Relation) -> Relation:
    """None where either has none; nobody acts for another as himself unless both rules say so."""
    if not own or not principals:
        return ""
    return principals if own == "self" else own
