"""What an expression over an entity may name, and the type of each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.expr.types import INT, TEXT, Kind, Names, Type
from core.fields.base import Field
from core.fields.made import Computed
from core.fields.places import Point
from core.fields.refs import Ref
from core.fields.structured import List
from core.fields.system import HasFields, all_fields

FindEntity = Callable[[str], HasFields | None]
#: (entity, name of an inverse) → the entity whose rows it lists.
FindInverse = Callable[[HasFields, str], HasFields | None]
#: How many refs a path may walk.
WALK_MAX = 5


def type_of(field: Field) -> Type | None:
    """The type of a field in expressions; None for a point, which has no single value."""
    match field:
        case Point():
            return None
        case List():
            return Type("list", item="int" if field.of == "integer" else "text")
        case Computed():
            column = field.result_column
        case _:
            column = field.columns()[0]
    kind: Kind = column.kind
    return Type(kind, column.scale)


def no_inverse(_entity: HasFields, _name: str) -> HasFields | None:
    return None


class EntityNames(Names):
    """Names of an entity: its fields ("state"), and fields its refs lead to ("house.compound.name")."""

    def __init__(self, entity: HasFields, find: FindEntity, find_inverse: FindInverse = no_inverse) -> None:
        self._entity = entity
        self._fields = all_fields(entity)
        self._find = find
        self._find_inverse = find_inverse

    def __getitem__(self, name: str) -> Type:
        *walk, last = name.split(".")
        found = type_of(all_fields(self._walked(walk))[last])
        if found is None:
            raise KeyError(name)
        return found

    def _walked(self, steps: Sequence[str]) -> HasFields:
        if len(steps) > WALK_MAX:
            raise KeyError(".".join(steps))
        entity = self._entity
        for step in steps:
            ref = all_fields(entity).get(step)
            target = self._find(ref.to) if isinstance(ref, Ref) else None
            if target is None:
                raise KeyError(".".join(steps))
            entity = target
        return entity

    def inverse(self, path: tuple[str, ...]) -> EntityNames | None:
        try:
            many = self._find_inverse(self._walked(path[:-1]), path[-1])
        except KeyError:
            return None
        return EntityNames(many, self._find, self._find_inverse) if many else None

    def beside(self, name: str) -> tuple[str, Sequence[str]]:
        """The step of a wrong name that leads nowhere, and the names there are in its place."""
        *walk, last = name.split(".")
        try:
            return last, tuple(EntityNames(self._walked(walk), self._find))
        except KeyError:
            return self.beside(".".join(walk))

    def __iter__(self) -> Iterator[str]:
        return (name for name, field in self._fields.items() if type_of(field) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def result_type(field: Computed) -> Type:
    """The type a computed field declares; its expression may also be a whole number, or a decimal of fewer digits."""
    found = type_of(field)
    assert found is not None
    return found


def fits(expression: Type, declared: Type) -> bool:
    if declared.kind == "decimal":
        return expression == INT or (expression.kind == "decimal" and expression.scale <= declared.scale)
    return expression == declared or (declared == TEXT and expression.kind == "uuid")
