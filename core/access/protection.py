"""What the law adds to every rule: children are protected more, and what rests on consent ends with it.

Both are expressions, so they run wherever rules do. Sources: Personal Information Protection Law, articles 15, 28 and
31 (under fourteen; "unverified": quoted from shared notes, not from the official text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.expr import Expr, parse
from core.expr.tree import Binary, Call, Literal, Logic, Me, Path
from core.fields.base import Field
from core.manifest.model import Entity, Rule, World

#: 《个人信息保护法》第三十一条. From this birthday on nobody is a child; who was born on 29 February, from 1 March on
#: where there is no such day.
CHILD_YEARS = 14
PERSON = "core.person"
BIRTH = "birth_date"


@dataclass(frozen=True, slots=True)
class Protection:
    """What one field asks beyond its rules; None = nothing."""

    #: True when the row is about nobody, or about somebody of fourteen years or more.
    adult: Expr | None = None
    #: True while the person's latest word on the purpose is yes.
    consent: Expr | None = None

    def consent_for(self, rule: Rule) -> Expr | None:
        """Nobody needs consent to read about himself."""
        return None if rule.relation == "self" else self.consent


UNPROTECTED = Protection()


def protection_of(world: World, entity: Entity, field: Field) -> Protection:
    path = entity.subject_path
    if not path:
        return UNPROTECTED
    # Only L3 changes with age: L4 is what it is for everybody.
    adult = adult_expr(world, path) if field.level == "L3" else None
    return Protection(adult, _consent(world, entity, field, path))


def adult_expr(world: World, path: tuple[str, ...]) -> Expr:
    """Over rows whose `path` names a person. An unknown date of birth protects."""
    person = world.entity(PERSON)
    if person is None or BIRTH not in person.fields:
        return Literal(False)
    birth = Path((BIRTH,)) if path == ("id",) else Path((*path, BIRTH))
    grown = Binary(">=", Call("years_between", (birth, parse("today()"))), Literal(CHILD_YEARS))
    return grown if path == ("id",) else Logic("||", (Binary("==", Path(path), Literal(None)), grown))


def own_or_consented(world: World, entity: Entity, field: Field, rules: Sequence[Rule]) -> Expr | None:
    """Where a value may be written into a field that rests on consent; None when it does not. `rules` open the field.

    The person alone needs none, grown up and without anybody acting for her; nor does a guardian, by a rule for one."""
    path = entity.subject_path
    consent = _consent(world, entity, field, path) if path else None
    if consent is None:
        return None
    wards = tuple(rule.where for rule in rules if rule.relation == "guardian" and rule.where is not None)
    own = Logic("&&", (Binary("==", Path(path), Me("person")), adult_expr(world, path)))
    alone = Logic("&&", (Binary("==", Me("agent"), Literal(None)), Logic("||", (own, *wards)) if wards else own))
    return Logic("||", (Binary("==", Path(path), Literal(None)), consent, alone))


def _consent(world: World, entity: Entity, field: Field, path: tuple[str, ...]) -> Expr | None:
    plugin = world.plugins[entity.plugin_id]
    purpose = plugin.purposes.get(field.purpose)
    if purpose is None or purpose.basis != "consent":
        return None
    return Call("consented", (Path(path), Literal(f"{plugin.id}.{purpose.id}")))
