"""Erasing what may be erased: values leave the row, its history and its files; what stays is said with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import ChangeAction
from tongban_sdk.errors import NotFoundError, PermissionDeniedError

from core.access.files import FILE
from core.audit import Audit, Entry
from core.fields.base import Field
from core.fields.refs import File, Ref
from core.fields.times import utc_now
from core.manifest.model import Entity
from core.privacy.catalogue import Catalogue, Holding
from core.privacy.consent import Ledger
from core.privacy.desk import Desk
from core.privacy.holds import Ruling, judge, shared
from core.privacy.my_data import MyData
from core.privacy.people import require_person
from core.store.crypto_tables import CONTENT
from core.store.database import Insert, Transaction
from core.store.dialect import quote
from core.store.engine import HISTORY, OUTBOX
from core.store.statement import statement
from core.store.tables import table_of
from core.write.records import history_row, outbox_row
from core.write.rest import Rest
from core.write.values import Row, changed_columns

PARTICIPANT = "core.case_participant"
WHY = "按本人申请删除个人信息；历史中的值已一并清除"


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of a request."""

    holding: Holding
    ruling: Ruling
    #: The whole row is gone, not only some of its fields.
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """What a row says of whom it is about, seen by one person."""

    #: Somebody else is among them.
    is_shared: bool
    #: Refs of the row that name the person; () when the person is found by other rows, too: emptying them says nothing.
    refs: tuple[Field, ...]

    @classmethod
    def of(cls, holding: Holding, person: str, whom: tuple[str | None, ...]) -> Whose:
        """`whom`: one person or None for each way."""
        own = [way for way, one in zip(holding.ways, whom, strict=True) if one == person]
        fields = [f for f in holding.entity.fields.values() if isinstance(f, Ref)]
        refs = tuple(f for f in fields if any(len(way) == 1 and way[0][0] == f.column_name for way in own))
        return cls(any(one not in (None, person) for one in whom), refs if len(refs) == len(own) else ())

    def goes(self, ruling: Ruling) -> bool:
        """Nothing personal is left, and the row itself says whom it was about: then it goes as a whole."""
        return bool(ruling.erasable) and not ruling.holds and bool(self.refs)


class Erasure:
    """Of one generation."""

    def __init__(self, desk: Desk, my_data: MyData, catalogue: Catalogue, ledger: Ledger, audit: Audit) -> None:
        self._desk, self._my_data, self._catalogue = desk, my_data, catalogue
        self._ledger, self._audit = ledger, audit
        self._lying, self._dialect = desk.lying, desk.lying.database.dialect

    async def explain(self, actor: Actor, key: str, id: str, ward: str | None = None) -> Erased:
        """What `erase` would do."""
        _, holding, whose, ruling = await self._judged(actor, key, id, ward)
        return Erased(holding, ruling, whose.goes(ruling))

    async def erase(self, actor: Actor, key: str, id: str, ward: str | None = None) -> Erased:
        """Do it. Nothing changes when everything is held."""
        person, holding, _, _ = await self._judged(actor, key, id, ward)
        async with self._lying.database.transaction() as tx:
            where = f"id = {{id}} AND {holding.about()}"
            rows = await self._lying.rows(holding.entity, where, deleted=True, tx=tx, lock=True, id=id, person=person)
            if not rows:
                raise _missing()
            row = rows[0]
            whose, ruling = await self._judge(person, holding, row, tx)
            goes = whose.goes(ruling)
            if ruling.erasable:
                # A row that goes no longer says whom it was about.
                names = [field.name for field in (*ruling.erasable, *(whose.refs if goes else ()))]
                await self._wipe(tx, actor, holding, row, names, goes)
                await self._forget_files(tx, ruling.erasable, row)
            await self._audit.within(tx, _entry(actor, holding, id, person, ruling))
        return Erased(holding, ruling, goes)

    async def _judged(self, actor: Actor, key: str, id: str, ward: str | None) -> tuple[str, Holding, Whose, Ruling]:
        person = require_person(actor)
        if actor.agent is not None:
            raise PermissionDeniedError("代办人不能替人删除", hint="由本人登录后办理，或到窗口申请")
        person = await self._desk.people.self_or_ward(person, ward)
        found = await self._my_data.find(person, key, id)
        if found is None:
            raise _missing()
        holding, row = found
        return person, holding, *await self._judge(person, holding, row)

    async def _judge(
        self, person: str, holding: Holding, row: Row, tx: Transaction | None = None
    ) -> tuple[Whose, Ruling]:
        whom = (await self._my_data.whom(holding, person, tx)).get(row["id"])
        if whom is None:
            raise _missing()
        whose = Whose.of(holding, person, whom)
        consents = await self._ledger.latest(person)
        written = await self._written(holding.entity, row["id"], tx)
        ruling = judge(holding, row, written, consents, is_case_open=await self._is_case_open(holding, row, tx))
        return whose, shared(ruling, holding, whose.refs) if whose.is_shared else ruling

    async def _is_case_open(self, holding: Holding, row: Row, tx: Transaction | None) -> bool:
        """Somebody still works on the case the row belongs to."""
        number = row.get(holding.entity.case) if holding.entity.case else None
        if number is None:
            return False
        where = "case_no = {number:case_no} AND (until IS NULL OR until > {now:until})"
        entity = self._desk.entity(PARTICIPANT)
        return bool(await self._lying.rows(entity, where, limit=1, tx=tx, number=str(number), now=utc_now()))

    async def _history(self, entity: Entity, id: str, tx: Transaction | None) -> list[tuple[Any, ...]]:
        text = (
            "SELECT id, at, before, after FROM tb_history WHERE row_id = {id:row_id} AND entity = {entity} ORDER BY at"
        )
        sql, arguments = statement(self._dialect, HISTORY, text, id=id, entity=entity.key)
        columns = [HISTORY.column(name) for name in ("id", "at", "before", "after")]
        rows = await (tx or self._lying.database).fetch(sql, arguments)
        return [tuple(self._dialect.load(c, v) for c, v in zip(columns, row, strict=True)) for row in rows]

    async def _written(self, entity: Entity, id: str, tx: Transaction | None) -> Mapping[str, datetime]:
        """When each field was last filled in."""
        return {name: at for _, at, _, after in await self._history(entity, id, tx) for name in after or ()}

    async def _wipe(
        self, tx: Transaction, actor: Actor, holding: Holding, row: Row, names: Sequence[str], goes: bool
    ) -> None:
        entity, id, now = holding.entity, row["id"], utc_now()
        stamps = {"version": row["version"] + 1, "updated_at": now, "updated_by": actor.id}
        rest = Rest(self._lying.vault, entity, id)
        values = changed_columns(rest, row, {**row, **dict.fromkeys(names), **stamps})
        values |= {"deleted_at": now} if goes and row["deleted_at"] is None else {}
        await self._set(tx, entity, id, values)
        await self._scrub(tx, entity, id, names)
        action: ChangeAction = "delete" if goes else "update"
        gone = dict.fromkeys(names)
        written = [Insert(OUTBOX, outbox_row(entity, id, stamps["version"], action, now))]
        if entity.history:
            after = None if goes else gone
            written.append(Insert(HISTORY, history_row(rest, stamps["version"], action, actor, now, WHY, gone, after)))
        await tx.insert(written)

    async def _set(self, tx: Transaction, entity: Entity, id: str, values: Mapping[str, Any]) -> None:
        table = table_of(entity)
        sets = ", ".join(f"{quote(name)} = {{v_{name}:{name}}}" for name in values)
        text = f"UPDATE {quote(table.name)} SET {sets} WHERE id = {{id}}"
        bound = {f"v_{name}": value for name, value in values.items()}
        await tx.execute(*statement(self._dialect, table, text, id=id, **bound))

    async def _scrub(self, tx: Transaction, entity: Entity, id: str, names: Sequence[str]) -> None:
        """History rows stay; the values in them do not."""
        text = "UPDATE tb_history SET before = {before}, after = {after} WHERE id = {id}"
        for row_id, _, before, after in await self._history(entity, id, tx):
            cleaned = [_without(side, names) for side in (before, after)]
            if cleaned != [before, after]:
                values = {"id": row_id, "before": cleaned[0], "after": cleaned[1]}
                await tx.execute(*statement(self._dialect, HISTORY, text, **values))

    async def _forget_files(self, tx: Transaction, fields: Sequence[Field], row: Row) -> None:
        for field in fields:
            if isinstance(field, File):
                await self._forget_file(tx, row[field.name], utc_now())

    async def _forget_file(self, tx: Transaction, id: str, now: datetime) -> None:
        """Name, digest and key of a file that nothing else holds; its content goes with the next housekeeping."""
        if await self._is_held(tx, id):
            return
        entity = self._desk.entity(FILE)
        gone = {"name": None, "sha256": None, "deleted_at": now, "updated_at": now}
        await self._set(tx, entity, id, gone)
        await self._scrub(tx, entity, id, ("name", "sha256"))
        # Without its key the content is noise, here and in every backup of the disk.
        await tx.execute(*statement(self._dialect, CONTENT, "DELETE FROM tb_content WHERE id = {id}", id=id))

    async def _is_held(self, tx: Transaction, id: str) -> bool:
        known = {h.entity.key: h.entity for h in await self._catalogue.holdings(self._desk.world)}
        for entity in (known | self._desk.world.entities).values():
            for field in entity.fields.values():
                if isinstance(field, File):
                    where = f"{quote(field.columns()[0].name)} = {{file:{field.columns()[0].name}}}"
                    if await self._lying.rows(entity, where, limit=1, deleted=True, tx=tx, file=id):
                        return True
        return False


def _without(side: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any] | None:
    if side is None:
        return None
    return {name: None if name in names else value for name, value in side.items()}


def _entry(actor: Actor, holding: Holding, id: str, person: str, ruling: Ruling) -> Entry:
    names = tuple(field.name for field in ruling.erasable)
    held = f"保留 {len(ruling.holds)} 项"
    return Entry(
        actor=actor, action="erase", entity=holding.entity.key, row_id=id, subjects=(person,), fields=names, detail=held
    )


def _missing() -> NotFoundError:
    return NotFoundError("没有这条与您有关的数据")
