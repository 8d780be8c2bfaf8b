"""A small office for sensitive reads: people (one a child), records about them, cases; keys, an audit, a writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, execute, parse, validate
from tongban_sdk.actor import Actor
from tongban_sdk.errors import RateLimitedError

from core.access import AccessModel
from core.api.compose import Composer
from core.api.history_roots import history_roots
from core.api.unmask_roots import unmask_roots
from core.audit import Audit
from core.crypto import Vault
from core.manifest.model import Entity, World
from core.read import Reader, RequestContext
from core.settings import Settings
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer
from tests.worlds import entity, plugin, rule

NOW = datetime.now(UTC)
PERSON: Entity = entity(
    "core",
    "person",
    {
        "name": {"type": "string", "required": True, "level": "L3", "mask": "name", "purpose": "service"},
        "birth_date": {"type": "date", "level": "L3"},
        "phone": {"type": "phone", "level": "L3", "purpose": "service"},
        "idno": {"type": "idno", "level": "L4", "purpose": "service", "keyed": True, "unique": True},
        "illness": {"type": "list", "of": "string", "level": "L4", "purpose": "service"},
        "home": {"type": "point", "level": "L4", "purpose": "service"},
        "state": {"type": "string"},
    },
    subjects=("self",),
)
RECORD: Entity = entity(
    "core",
    "record",
    {
        "no": {"type": "sequence", "format": "CO{date:%Y}{seq:4}"},
        "about": {"type": "ref", "to": "core.person", "inverse": "records"},
        "note": {"type": "string", "level": "L3", "purpose": "service"},
        "owner": {"type": "string"},
        "scan": {"type": "file", "level": "L4", "purpose": "service"},
    },
    subjects=("about",),
    case="no",
)
RULES = (
    rule("maker", PERSON, "read create update delete", clear=("name", "birth_date"), number=0),
    rule("maker", RECORD, "read create update delete", number=1),
    rule("self", PERSON, "read", "id == me.person", clear="*", relation="self", number=2),
    rule("self", RECORD, "read", "about == me.person", clear="*", relation="self", number=3),
    rule("officer", PERSON, "read", clear=("name",), unmask=("idno", "phone", "home"), relation="duty", number=4),
    rule("officer", RECORD, "read", "owner == 'us'", number=5),
    rule("clerk", PERSON, "read", number=6),
    rule("doctor", PERSON, "read", "state == 'ill'", clear="*", relation="treatment", number=7),
    rule("leader", PERSON, "aggregate", only=("state",), number=8),
)
ROLES = ("anonymous", "maker", "self", "officer", "clerk", "doctor", "leader")
WORLD = World({"core": plugin("core", (PERSON, RECORD), RULES, ROLES)})
IDNOS = ("642222196005010011", "642222199001010026")


def actor(role: str, **more: Any) -> Actor:
    return Actor(f"u-{role}", "staff", roles=frozenset({"anonymous", role}), **more)


MAKER, OFFICER, CLERK, DOCTOR = actor("maker"), actor("officer"), actor("clerk"), actor("doctor")


class Generation(SimpleNamespace):
    """What resolvers ask of one."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # weak keys need one


@dataclass
class Quotas:
    """So many, then no more."""

    left: int = 1000
    taken: list[tuple[str, str]] = field(default_factory=list)

    async def take(self, name: str, key: str, by: int = 1) -> None:
        self.taken.append((name, key))
        self.left -= by
        if self.left < 0:
            raise RateLimitedError("操作过于频繁", retry_after_s=60)


@dataclass
class Office:
    database: Database
    vault: Vault
    audit: Audit
    reader: Reader
    writer: Writer
    schema: GraphQLSchema
    generation: Any
    quotas: Quotas = field(default_factory=Quotas)
    people: dict[str, str] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> Any:
        login = SimpleNamespace(parts=SimpleNamespace(quotas=self.quotas))
        return SimpleNamespace(database=self.database, audit=self.audit, vault=self.vault, login=login)

    async def ask(self, text: str, who: Actor, **variables: Any) -> ExecutionResult:
        """By the ordinary path."""
        document = parse(text)
        assert validate(self.schema, document) == []
        context = RequestContext(self.generation, who, self.database, NOW, self.host)
        result = execute(self.schema, document, context_value=context, variable_values=variables)
        return result if isinstance(result, ExecutionResult) else await result

    async def compiled(self, text: str, who: Actor, **variables: Any) -> bytes:
        document = parse(text)
        assert validate(self.schema, document) == []
        found = self.reader.compile(document, None, variables, who, now=NOW)
        assert found is not None
        return await found.run(self.database, who, variables)

    async def lines(self) -> list[dict[str, Any]]:
        """Audit lines, oldest first; with the persons they concern."""
        names = ("actor", "action", "result", "entity", "row_id", "fields", "purpose", "case", "rule", "detail")
        chosen = ", ".join(f'"{name}"' for name in (*names, "lane", "number"))
        found = await self.database.fetch(f"SELECT {chosen} FROM tb_audit ORDER BY at, lane, number", [])
        subjects = await self.database.fetch("SELECT person, lane, number FROM tb_audit_subject ORDER BY person", [])
        return [
            dict(zip(names, row, strict=False))
            | {"subjects": [p for p, lane, number in subjects if (lane, number) == (row[-2], row[-1])]}
            for row in found
        ]


async def open_office(database: Database, settings: Settings) -> Office:
    await migrate(database, tables_of(WORLD))
    vault = await Vault.open(database, settings)
    audit = await Audit.open(database, vault, "node-1", settings)
    access = AccessModel(WORLD)
    quotas = Quotas()
    reader = Reader(WORLD, access, vault, audit, quotas)
    writer = Writer(database, WORLD, access, vault=vault, audit=audit)
    schema = (await Composer((unmask_roots(), history_roots()))(WORLD, {}))._schema
    reader.use(schema, database.dialect)
    generation = Generation(world=WORLD, access=access, reader=reader, writer=writer, schema=schema)
    office = Office(database, vault, audit, reader, writer, schema, generation, quotas)
    child = (NOW + timedelta(hours=8) - timedelta(days=10 * 365)).date()
    for name, birth, idno in (
        ("ma", date(1960, 5, 1), IDNOS[0]),
        ("li", date(1990, 1, 1), IDNOS[1]),
        ("bao", child, None),
    ):
        values = {
            "name": f"{name}某某", "birth_date": birth.isoformat(), "phone": "13812345678", "idno": idno,
            "illness": ["糖尿病"], "home": {"lng": 105.5, "lat": 36.5, "crs": "CGCS2000"}, "state": "ill",
        }  # fmt: skip
        office.people[name] = (await writer.create(MAKER, PERSON, values)).id
        record = {"about": office.people[name], "note": f"关于{name}", "owner": "us" if name == "ma" else "them"}
        office.records[name] = (await writer.create(MAKER, RECORD, record)).id
    return office
