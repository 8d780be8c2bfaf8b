"""Parameters of one statement, named by where their value comes from, so that one text serves every caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.fields.column import Column
from core.store.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Env:
    """What the sources of one execution read."""

    me: Mapping[str, Any]
    args: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Const:
    """A value fixed when the statement is made. Lists are written as tuples, so that it can be hashed."""

    value: Any

    def read(self, env: Env) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Me:
    """A value of the caller; a missing one is null."""

    name: str

    def read(self, env: Env) -> Any:
        return env.me.get(self.name)


@dataclass(frozen=True, slots=True)
class Arg:
    """A value of the call, by path: ("where", "state", "eq"). A missing step is null."""

    path: tuple[str | int, ...]

    def read(self, env: Env) -> Any:
        value: Any = env.args
        try:
            for step in self.path:
                # A text is no list of characters.
                value = None if value.__class__ is str else value[step]
        except (KeyError, IndexError, TypeError):
            return None
        return value


@dataclass(frozen=True, slots=True)
class Now:
    """The instant of the call, one for the whole statement."""

    def read(self, env: Env) -> Any:
        return env.now


Source = Const | Me | Arg | Now


class Params:
    """Collects the parameters of one statement; equal sources of equal columns share one placeholder."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._numbers: dict[tuple[Source, str, int, bool, type], int] = {}
        self._readers: list[Callable[[Env], Any]] = []

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, source: Source, column: Column, *, many: bool = False) -> str:
        """The placeholder of a value, or with `many` of a list of values bound as one parameter."""
        # 1 == True and 1 == Decimal(1): the type of a constant is part of its identity.
        key = (source, column.kind, column.scale, many, type(getattr(source, "value", None)))
        number = self._numbers.get(key)
        if number is None:
            self._readers.append(self._reader(source, column, many))
            number = self._numbers[key] = len(self._readers)
        return self.dialect.placeholder(number)

    def bind(self, env: Env) -> list[Any]:
        """Driver values in the order of the placeholders."""
        return [read(env) for read in self._readers]

    def _reader(self, source: Source, column: Column, many: bool) -> Callable[[Env], Any]:
        turn = self._listed if many else self.dialect.binders.get(column.kind)
        if isinstance(source, Const):
            fixed = source.value if turn is None or source.value is None else turn(column, source.value)
            return lambda env: fixed
        read = source.read
        if turn is None:
            return read
        return lambda env: None if (value := read(env)) is None else turn(column, value)

    def _listed(self, column: Column, values: Any) -> Any:
        return self.dialect.bind_list(column, values)
