"""What the county knows already, so that nobody writes it twice: read with the rights of whoever fills in the form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tongban_sdk.actor import Actor

from core.fields import Field, FieldError, all_fields
from core.fields.refs import Ref
from core.forms.licences import LICENCE, Licences, the_one
from core.forms.view import FormView, form_of
from core.manifest.cases import Service
from core.manifest.form_checks import SOURCES
from core.manifest.form_fields import applicant_field
from core.manifest.model import Entity, World
from core.read import Reader
from core.read.one import ask, key_of, read_one
from core.store.database import Database

PERSON, MEMBER, HOUSEHOLD, FACTS = "core.person", "core.household_member", "core.household", "core.fact_source"
MINE, EARLIER = "mine", "earlier"


class Sources(Protocol):
    """A generation, as far as this room must know it."""

    @property
    def world(self) -> World: ...
    @property
    def reader(self) -> Reader: ...


@dataclass(frozen=True, slots=True)
class Prefilled:
    """One value, and whose word it is."""

    #: JSON as the form takes it.
    value: Any
    #: What it was taken from: "实有人口", "住宅报修".
    source: str
    #: Unit that answers for it, and since when: ISO 8601, "" = unknown.
    department: str
    stated_at: str


async def prefill(
    sources: Sources, database: Database, actor: Actor, service: Service, *, person: str | None = None,
    licences: Licences | None = None,
) -> dict[str, Prefilled]:  # fmt: skip
    """Values for the fields that ask for them, of the caller or the person he files for.

    What he sees masked or not at all is left empty, and so is what the field would not take.
    """
    form = form_of(sources.world, service)
    asking = _Asking(sources, database, actor, person or actor.person)
    wanted: dict[str, dict[str, str]] = {}
    for name, hints in form.ui["fields"].items():
        head, _, source = hints.get("prefill", "").partition(".")
        if head:
            wanted.setdefault(f"{MINE}.{name}" if head == MINE else head, {})[name] = source or "id"
    of_licences = wanted.pop(LICENCE, {})
    found = await asyncio.gather(*(_of(asking, form, head, names) for head, names in wanted.items()))
    known = {name: value for part in found for name, value in part.items()}
    # Nobody's licences but the caller's own, or those of the person he acts for.
    if of_licences and licences is not None and asking.person == actor.person:
        known |= await _of_licences(licences, actor, form, of_licences)
    return known


async def _of_licences(
    licences: Licences, actor: Actor, form: FormView, names: Mapping[str, str]
) -> dict[str, Prefilled]:
    """Of a type he holds one good licence of, no revoked or expired one."""
    held, taken = await licences(actor), {}
    for name, source in names.items():
        type, _, fact = source.rpartition(".")
        licence = the_one(held, type)
        value = licence.facts[fact] if licence else None
        if licence is not None and _takes(form.fields[name], value):
            taken[name] = Prefilled(value, licence.source, licence.unit, licence.issued_on.isoformat())
    return taken


async def _of(asking: _Asking, form: FormView, head: str, names: Mapping[str, str]) -> dict[str, Prefilled]:
    """All values that come from one row."""
    entity = _entity(asking, form, head)
    id = await asking.row(head, entity) if entity else None
    if entity is None or id is None:
        return {}
    row = await asking.read(entity, id, tuple(sorted(set(names.values()))))
    told = await asking.told(id, names.values()) if entity.key == PERSON else {}
    default = (asking.department(entity), row.get("updatedAt") or "")
    taken = {}
    for name, source in names.items():
        value = _value(all_fields(entity)[source], row, form.fields[name])
        if value is not None:
            taken[name] = Prefilled(value, entity.title, *told.get(source, default))
    return taken


def _entity(asking: _Asking, form: FormView, head: str) -> Entity | None:
    if head == EARLIER:
        return form.entity
    if head.startswith(f"{MINE}."):
        field = form.fields[head.removeprefix(f"{MINE}.")]
        return asking.world.entity(field.to) if isinstance(field, Ref) else None
    return asking.world.entity(SOURCES[head])


def _value(source: Field, row: Mapping[str, Any], field: Field) -> Any:
    name = key_of(source)
    value = row.get(name)
    if value is None or name in row["maskedFields"] or source.graphql_name in row["maskedFields"]:
        return None
    return value if _takes(field, value) else None


def _takes(field: Field, value: Any) -> bool:
    try:
        return value is not None and field.parse(value) is not None
    except FieldError:
        return False


@dataclass(frozen=True, slots=True)
class _Asking:
    """One caller's questions, answered by the planner every read goes through."""

    sources: Sources
    database: Database
    actor: Actor
    #: Whose facts.
    person: str | None

    @property
    def world(self) -> World:
        return self.sources.world

    async def row(self, head: str, entity: Entity) -> str | None:
        """Id of the row that belongs to the person; None = none, or more than one could be meant."""
        match head:
            case "person":
                return self.person
            case "legal_entity":
                return self.actor.legal_entity
            case "household":
                return await self._household()
        owner = applicant_field(entity)
        if self.person is None or not owner:
            return None
        ref = f"{entity.fields[owner].graphql_name}Id"
        rows = await self._rows(entity, {ref: {"eq": self.person}}, "id")
        # The newest of one's applications; of what one owns, only what is without doubt.
        return rows[0]["id"] if rows and (head == EARLIER or len(rows) == 1) else None

    async def _household(self) -> str | None:
        member = self.world.entity(MEMBER)
        if member is None or self.person is None:
            return None
        rows = await self._rows(member, {"personId": {"eq": self.person}}, "householdId")
        return rows[0]["householdId"] if len(rows) == 1 else None

    async def read(self, entity: Entity, id: str, names: tuple[str, ...]) -> Mapping[str, Any]:
        """One row as the caller sees it; {} without sight of it."""
        found = await read_one(self.sources.reader, self.database, self.actor, entity, id, names)
        return found or {"maskedFields": []}

    async def told(self, person: str, names: Any) -> dict[str, tuple[str, str]]:
        """Field of core.person → department and time, where somebody answers for the fact."""
        facts = self.world.entity(FACTS)
        if facts is None:
            return {}
        where = {"personId": {"eq": person}, "entity": {"eq": PERSON}, "field": {"in": sorted(set(names))}}
        rows = await self._rows(facts, where, "field statedAt department { name }", "statedAt")
        # The newest word last, so that it stands.
        return {row["field"]: ((row["department"] or {}).get("name") or "", row["statedAt"]) for row in reversed(rows)}

    def department(self, entity: Entity) -> str:
        return self.world.plugins[entity.plugin_id].department.get("name", "")

    async def _rows(
        self, entity: Entity, where: Mapping[str, Any], picks: str, by: str = "createdAt"
    ) -> list[dict[str, Any]]:
        """The newest rows; [] when the caller may not ask."""
        text = (
            f"query($where: {entity.type_name}Where) {{ row: {entity.list_name}(where: $where, first: 50, "
            f"orderBy: [{{field: {by}, direction: DESC}}]) {{ nodes {{ {picks} }} }} }}"
        )
        answer = await self._ask(text, {"where": where})
        return answer["nodes"] if answer else []

    async def _ask(self, text: str, variables: Mapping[str, Any]) -> Any:
        return await ask(self.sources.reader, self.database, self.actor, text, variables)
