"""What planning makes: one SQL statement, its texts for callers of different subtrees, the values of one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from graphql import FieldNode, GraphQLField
from tongban_sdk.actor import Actor

from core.access import me_of
from core.read.opener import Failing, Opener, raising
from core.read.roots import RootField
from core.read.statement import Statement
from core.store.database import Database
from core.store.dialect import literal
from core.store.sql import Env

#: Texts of one plan for callers of different subtrees.
TEXTS_MAX = 100
#: Two texts of which a fact about the caller keeps one: Statement.either.
_EITHER = re.compile("\x04(.*?)\x05(.*?)\x06(.*?)\x07", re.DOTALL)
#: A placeholder of either dialect; quoted texts and names are skipped as a whole.
_PLACEHOLDER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[$?]([0-9]+)""")


@dataclass(frozen=True, slots=True)
class Plan:
    """One SQL statement whose only value is JSON text."""

    sql: str
    statement: Statement
    #: Indexes of the parameters that the text uses; None = all.
    used: tuple[int, ...] | None = None
    opener: Opener = field(default_factory=Opener)
    #: Texts for callers of different subtrees, where the statement tells of them.
    _texts: dict[tuple[Any, ...], str] = field(default_factory=dict)

    @classmethod
    def of(cls, sql: str, statement: Statement, opener: Opener) -> Plan:
        """Leave out parameters of expressions that fell away: no database takes one that stands nowhere."""
        numbers = sorted({int(match[1]) for match in _PLACEHOLDER.finditer(sql) if match[1]})
        if len(numbers) == len(statement.params):
            return cls(sql, statement, None, opener)
        places = {number: statement.dialect.placeholder(i) for i, number in enumerate(numbers, start=1)}
        text = _PLACEHOLDER.sub(lambda match: places[int(match[1])] if match[1] else match[0], sql)
        return cls(text, statement, tuple(number - 1 for number in numbers), opener)

    def text(self, actor: Actor) -> str:
        """The SQL for this caller."""
        facts = self.statement.facts
        if not facts:
            return self.sql
        me = me_of(actor)
        key = tuple([me[name] for name in facts])
        text = self._texts.get(key)
        if text is None:
            text = self.sql
            for mark, value in zip(facts.values(), key, strict=True):
                text = text.replace(mark, _fact(value))
            text = _EITHER.sub(lambda match: match[2] if me[match[1]] else match[3], text)
            if len(self._texts) >= TEXTS_MAX:
                self._texts.clear()
            self._texts[key] = text
        return text

    def bind(self, actor: Actor, variables: Mapping[str, Any], now: datetime | None = None) -> list[Any]:
        """RequestError when a value of the request fits no column."""
        env = Env(me_of(actor), self.statement.fill(variables), now or datetime.now(UTC))
        values = self.statement.params.bind(env)
        return values if self.used is None else [values[i] for i in self.used]

    async def opened(self, text: str, actor: Actor, failing: Failing = raising) -> Any:
        """What the database answered, as Python values: sealed ones opened, sensitive ones recorded as read."""
        sights = self.statement.sights
        answer = orjson.loads(text)
        if not sights.is_quiet(text):
            whole = sights.roots[0].key == ""
            await self.opener.open(sights, {"": answer} if whole else answer, actor, failing)
        return answer

    async def body(self, text: str, actor: Actor, failing: Failing = raising) -> bytes:
        """The same as bytes; what shows nothing sensitive leaves as the database made it."""
        if self.statement.sights.is_quiet(text):
            return text.encode()
        return orjson.dumps(await self.opened(text, actor, failing))


def _fact(value: str | float | None) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            return literal(value)
        case _:
            return repr(float(value))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan with the values of one request."""

    plan: Plan
    sql: str
    arguments: list[Any]

    async def run(self, database: Database, actor: Actor, variables: Mapping[str, Any]) -> bytes:
        """The bytes of `data`, made by the database."""
        text: str = await database.fetch_value(self.sql, self.arguments)
        return await self.plan.body(text, actor)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How the one field of a mutation is answered once it has written. `plan` None: the caller sees no such row."""

    #: Variable that holds the id of the row written; no variable of a document can be called so.
    ID: ClassVar[str] = "#id"

    key: str
    root: RootField
    field: GraphQLField
    node: FieldNode
    variables: Mapping[str, Any]
    plan: Plan | None
