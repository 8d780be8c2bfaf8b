"""The yearly report on data about children: counts only, small ones hidden.

Sources: 《未成年人网络保护条例》第三十七条 (a yearly compliance audit, reported), notice of the CAC of 2025-12-29 (by
the end of January). Both unverified: the wording was not at hand; what is counted here is our reading of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tongban_sdk.errors import InvalidInputError

from core.access.protection import CHILD_YEARS
from core.expr.clock import CHINA
from core.fields.column import Column, Table
from core.fields.times import utc_now
from core.manifest.model import World
from core.privacy.catalogue import Catalogue, Holding
from core.privacy.consent import Ledger
from core.privacy.people import PERSON
from core.store.database import Database
from core.store.dialect import datetime_text, quote
from core.store.statement import statement
from core.write.shape import shape_of

#: Counts of fewer children than this are told as "<5": in a village one child is a name.
FLOOR = 5
SCHEMA = "tongban.minors-report/1"
BASIS = "《未成年人网络保护条例》第三十七条；国家网信办 2025-12-29 公告（条文文字未核对）"
COLUMNS = ("part", "subject", "basis", "retention", "data", "who", "action", "children", "count")
_PARAMETERS = Table(
    "report", (Column("born", "date"), Column("last", "date"), Column("start", "datetime"), Column("end", "datetime"))
)
_CHILD = "p.birth_date > {born} AND p.birth_date <= {last} AND p.deleted_at IS NULL"
_LINES = (
    "SELECT a.action, a.kind, a.rule, a.result, COUNT(DISTINCT s.person), COUNT(*) FROM tb_audit_subject s "
    "JOIN tb_audit a ON a.lane = s.lane AND a.number = s.number JOIN {person} p ON CAST(p.id AS text) = s.person "
    "WHERE s.at >= {{start}} AND s.at < {{end}} AND {child} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
)
_CONSENTS = (
    "SELECT c.purpose, c.action, CASE WHEN c.guardian IS NULL THEN 0 ELSE 1 END, COUNT(DISTINCT c.person), COUNT(*) "
    "FROM tb_consent c JOIN {person} p ON p.id = c.person "
    "WHERE c.at >= {{start}} AND c.at < {{end}} AND {child} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
KINDS: Mapping[str, str] = {
    "citizen": "群众本人、监护人或代办人", "staff": "工作人员", "admin": "管理员", "system": "系统",
    "anonymous": "未登录",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One count. `children` is a number or "<5"; `count` a number, or "-" where children are few."""

    part: str
    subject: str = ""
    basis: str = ""
    retention: str = ""
    data: str = ""
    who: str = ""
    action: str = ""
    children: int | str = 0
    count: int | str = 0


class MinorsReport:
    """Of one generation."""

    def __init__(self, database: Database, world: World, catalogue: Catalogue, ledger: Ledger) -> None:
        self._database, self._world, self._catalogue, self._ledger = database, world, catalogue, ledger
        person = world.entity(PERSON)
        assert person is not None
        self._person = quote(person.table)

    async def make(self, year: int, now: datetime | None = None) -> dict[str, Any]:
        """A child is whoever was under 14 on some day of the year."""
        made = now or utc_now()
        if not 2000 <= year <= made.astimezone(CHINA).year:
            raise InvalidInputError(f"没有 {year} 年的数据")
        values = _values(year)
        lines = [
            *[line async for line in self._held(values)],
            *[line async for line in self._consents(values)],
            *[line async for line in self._audited(values)],
            Line("incident", subject="同意记录被改动", count=len(await self._ledger.forged())),
        ]
        return {
            "schema": SCHEMA, "year": year, "madeAt": datetime_text(made), "basis": BASIS, "floor": FLOOR,
            "childYears": CHILD_YEARS, "dueBy": f"{year + 1}-01-31", "auditSince": await self._audit_since(),
            "children": _floored(await self._count(f"SELECT COUNT(*) FROM {self._person} p WHERE {_CHILD}", values)),
            "birthUnknown": _floored(await self._count(_UNKNOWN.format(person=self._person), {})),
            "lines": [{name: getattr(line, name) for name in COLUMNS} for line in lines],
        }  # fmt: skip

    async def _held(self, values: Mapping[str, Any]) -> AsyncIterator[Line]:
        for holding in await self._catalogue.holdings(self._world):
            filled = _filled(holding)
            if not filled:
                continue
            # A row may be about two children.
            columns = ", ".join(
                f"COUNT(DISTINCT CASE WHEN {some} THEN p.id END), COUNT(DISTINCT CASE WHEN {some} THEN t0.id END)"
                for some in filled.values()
            )
            is_about = " OR ".join(f"p.id = {one}" for one in holding.whom("t0"))
            source = f"{quote(holding.entity.table)} t0 JOIN {self._person} p ON ({is_about})"
            text = f"SELECT {columns} FROM {source} WHERE {_CHILD}"
            [counts] = await self._fetch(text, values)
            # Children are counted once per table, not over tables.
            for id, children, rows in zip(filled, counts[::2], counts[1::2], strict=True):
                purpose = holding.purposes[id]
                if children:
                    yield Line(
                        "held", subject=f"{holding.entity.plugin_id}.{id} {purpose.title}", basis=purpose.basis,
                        retention=purpose.retention, data=f"{holding.plugin_title}：{holding.entity.title}",
                        **_counts(children, rows),
                    )  # fmt: skip

    async def _consents(self, values: Mapping[str, Any]) -> AsyncIterator[Line]:
        text = _CONSENTS.format(person=self._person, child=_CHILD)
        for purpose, action, guarded, children, count in await self._fetch(text, values):
            who = "监护人" if guarded else "本人"
            yield Line("consent", subject=purpose, who=who, action=action, **_counts(children, count))

    async def _audited(self, values: Mapping[str, Any]) -> AsyncIterator[Line]:
        titles = {role.id: role.title for role in self._world.roles.values()}
        roles = {rule.id: titles[rule.role] for rule in self._world.rules if rule.role in titles}
        text = _LINES.format(person=self._person, child=_CHILD)
        for action, kind, rule, result, children, count in await self._fetch(text, values):
            who = "、".join(sorted({roles[id] for id in rule.split(",") if id in roles})) or KINDS.get(kind, kind)
            if result != "ok":
                yield Line("incident", subject=f"被拒绝：{result}", who=who, action=action, **_counts(children, count))
            else:
                yield Line(_PARTS.get(action, "change"), who=who, action=action, **_counts(children, count))

    async def _audit_since(self) -> str | None:
        """Audit older than its retention is gone: reads before this day are not counted."""
        column = Column("at", "datetime")
        at = self._database.dialect.load(column, await self._database.fetch_value("SELECT MIN(at) FROM tb_audit", []))
        return None if at is None else datetime_text(at)

    async def _count(self, text: str, values: Mapping[str, Any]) -> int:
        [(count,)] = await self._fetch(text, values)
        return int(count)

    async def _fetch(self, text: str, values: Mapping[str, Any]) -> Any:
        return await self._database.fetch(*statement(self._database.dialect, _PARAMETERS, text, **values))


_UNKNOWN = "SELECT COUNT(*) FROM {person} p WHERE p.birth_date IS NULL AND p.deleted_at IS NULL"
_PARTS: Mapping[str, str] = {"read": "read", "unmask": "read", "export": "export", "erase": "deletion"}


def to_csv(report: Mapping[str, Any]) -> str:
    """The lines as a table, with a byte order mark: it is opened in office programs."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(report["lines"])
    return "\ufeff" + out.getvalue()


def _values(year: int) -> dict[str, Any]:
    return {
        "born": date(year - CHILD_YEARS, 1, 1), "last": date(year, 12, 31),
        "start": datetime(year, 1, 1, tzinfo=CHINA), "end": datetime(year + 1, 1, 1, tzinfo=CHINA),
    }  # fmt: skip


def _filled(holding: Holding) -> dict[str, str]:
    """Purpose → condition on t0: something is held for it."""
    columns: dict[str, list[str]] = {}
    for stored in shape_of(holding.entity).stored:
        if stored.field.purpose in holding.purposes:
            columns.setdefault(stored.field.purpose, []).extend(stored.names)
    return {id: " OR ".join(f"t0.{quote(name)} IS NOT NULL" for name in names) for id, names in columns.items()}


def _counts(children: int, count: int) -> dict[str, Any]:
    """A small number of children hides the number of rows, too."""
    return {"children": _floored(children), "count": count if children >= FLOOR else "-"}


def _floored(count: int) -> int | str:
    return f"<{FLOOR}" if 0 < count < FLOOR else count
