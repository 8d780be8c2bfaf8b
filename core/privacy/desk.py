"""Writing the core's own rows for people: the operation has judged who may, the writer keeps all its other promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, NotFoundError

from core.access import AccessModel
from core.access.files import FILE
from core.access.visibility import Visibility
from core.manifest.model import Entity, World
from core.privacy.people import PERSON, People
from core.privacy.rows import Lying
from core.store.json_values import to_json
from core.write import Writer, Written
from core.write.values import Row

SERVICE = frozenset({"anonymous", "core_service"})


@dataclass(frozen=True, slots=True)
class Desk:
    """Of one generation. History and audit name the caller, not the role the row is written in."""

    lying: Lying
    world: World
    access: AccessModel
    writer: Writer

    @property
    def people(self) -> People:
        return People(self.lying, self.world)

    def entity(self, key: str) -> Entity:
        return self.people.entity(key)

    async def row(self, key: str, id: str) -> Row:
        """A living row; NotFoundError."""
        entity = self.entity(key)
        found = await self.lying.row(entity, id)
        if found is None:
            raise NotFoundError(f"找不到这条“{entity.title}”")
        return found

    async def rows(self, key: str, where: str, *, order: str = "id", **values: Any) -> list[Row]:
        return await self.lying.rows(self.entity(key), where, order=order, **values)

    async def create(self, actor: Actor, key: str, values: Mapping[str, Any], why: str) -> Written:
        given = {name: to_json(value) for name, value in values.items() if value is not None}
        return await self.writer.create(_as_service(actor), self.entity(key), given, why=why)

    async def update(self, actor: Actor, key: str, row: Row, patch: Mapping[str, Any], why: str) -> Written:
        given = {name: to_json(value) for name, value in patch.items()}
        return await self.writer.update(_as_service(actor), self.entity(key), row["id"], row["version"], given, why=why)

    async def check_reach(self, actor: Actor, person: str) -> None:
        """At a counter one serves whom one's own rules show; somebody else's resident and nobody look alike."""
        seeing = Visibility(self.world, self.access, self.lying.database)
        if not await seeing.sees_row(actor, self.entity(PERSON), person):
            raise NotFoundError("找不到这个人", hint="只能为自己负责的区划里的人办理，请他到所在地或县级窗口")

    async def check_proof(self, actor: Actor, proof: str | None) -> None:
        """A paper that somebody at this counter has just uploaded."""
        found = proof and await self.lying.row(self.entity(FILE), proof)
        if not found or found["created_by"] != actor.id:
            raise InvalidInputError("没有这个凭证文件", hint="先上传签字的凭证，再登记")


def _as_service(actor: Actor) -> Actor:
    return replace(actor, roles=SERVICE)
