"""What the law adds to every rule: children are protected more, and what rests on consent ends with it.

Both are expressions, so they run wherever rules do. Sources: Personal Information Protection Law, articles 15, 28 and
31 (under fourteen; "unverified": quoted from shared notes, not from the official text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.expr import Expr, parse, paths
from core.expr.tree import Binary, Call, Literal, Logic, Me, Path
from core.fields.base import Field
from core.manifest.model import DELEGATE, Entity, Rule, World

#: 《个人信息保护法》第三十一条. From this birthday on nobody is a child; who was born on 29 February, from 1 March on
#: where there is no such day.
CHILD_YEARS = 14
PERSON = "core.person"
BIRTH = "birth_date"


@dataclass(frozen=True, slots=True)
class Protection:
    """What one field asks beyond its rules; None = nothing."""

    #: True when nobody the row is about is under fourteen.
    adult: Expr | None = None
    #: True while the latest word on the purpose is yes, of everybody the row is about.
    consent: Expr | None = None

    def consent_for(self, rule: Rule) -> Expr | None:
        """Nobody needs consent to read about himself. Who acts for another is not that person: what she has not agreed
        to, or has taken back, he does not see either."""
        return None if rule.relation == "self" and rule.role != DELEGATE else self.consent


UNPROTECTED = Protection()


def protection_of(world: World, entity: Entity, field: Field) -> Protection:
    if not entity.subject_paths:
        return UNPROTECTED
    # Only L3 changes with age: L4 is what it is for everybody.
    adult = adult_expr(world, entity) if field.level == "L3" else None
    return Protection(adult, _consent(world, entity, field))


def adult_expr(world: World, entity: Entity) -> Expr:
    """Over rows about people: no child among them."""
    return _all_grown(entity.subject_paths, _has_births(world))


def _has_births(world: World) -> bool:
    person = world.entity(PERSON)
    return person is not None and BIRTH in person.fields


@lru_cache(1024)
def _all_grown(paths: tuple[tuple[str, ...], ...], has_births: bool) -> Expr:
    return _all([_grown(path) if has_births else Literal(False) for path in paths])


def _grown(path: tuple[str, ...]) -> Expr:
    """Nobody, or fourteen and older. An unknown date of birth protects."""
    birth = Path((BIRTH,)) if path == ("id",) else Path((*path, BIRTH))
    grown = Binary(">=", Call("years_between", (birth, parse("today()"))), Literal(CHILD_YEARS))
    return grown if path == ("id",) else Logic("||", (_nobody(path), grown))


def own_or_consented(world: World, entity: Entity, field: Field, rules: Sequence[Rule]) -> Expr | None:
    """Where a value may be written into a field that rests on consent; None when it does not. `rules` open the field.

    The person alone needs none, grown up and without anybody acting for her; nor does a guardian, by a rule for one. Of
    several persons each is asked for."""
    purpose = _consented_purpose(world, entity, field)
    if purpose is None or not entity.subject_paths:
        return None
    return _all(
        [
            Logic("||", (_nobody(path), _consented(path, purpose), _alone(world, entity, path, rules)))
            for path in entity.subject_paths
        ]
    )


def _alone(world: World, entity: Entity, path: tuple[str, ...], rules: Sequence[Rule]) -> Expr:
    wards = tuple(rule.where for rule in rules if rule.where is not None and _is_guardians(rule, entity, path))
    own = Logic("&&", (Binary("==", Path(path), Me("person")), _all_grown((path,), _has_births(world))))
    return Logic("&&", (Binary("==", Me("agent"), Literal(None)), Logic("||", (own, *wards)) if wards else own))


def _is_guardians(rule: Rule, entity: Entity, path: tuple[str, ...]) -> bool:
    """A guardian of one person of a row does not speak for the others."""
    if rule.relation != "guardian" or rule.where is None:
        return False
    return len(entity.subject_paths) == 1 or any(found[: len(path)] == path for found in paths(rule.where))


def _consent(world: World, entity: Entity, field: Field) -> Expr | None:
    purpose = _consented_purpose(world, entity, field)
    if purpose is None:
        return None
    given = {path: _consented(path, purpose) for path in entity.subject_paths}
    if len(given) == 1:
        return next(iter(given.values()))
    # Whoever is named has agreed, and somebody is named.
    return _all([Logic("||", tuple(given.values())), *(Logic("||", (_nobody(p), said)) for p, said in given.items())])


def _consented_purpose(world: World, entity: Entity, field: Field) -> str | None:
    plugin = world.plugins[entity.plugin_id]
    purpose = plugin.purposes.get(field.purpose)
    return f"{plugin.id}.{purpose.id}" if purpose is not None and purpose.basis == "consent" else None


def _consented(path: tuple[str, ...], purpose: str) -> Expr:
    return Call("consented", (Path(path), Literal(purpose)))


def _nobody(path: tuple[str, ...]) -> Expr:
    return Binary("==", Path(path), Literal(None))


def _all(parts: Sequence[Expr]) -> Expr:
    return parts[0] if len(parts) == 1 else Logic("&&", tuple(parts))
