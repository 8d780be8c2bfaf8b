"""好差评: five levels, one per case; two stars or fewer open a rectification. docs/rating.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError, PermissionDeniedError

from core.access.service import service_actor
from core.audit import Entry
from core.cases.filing import Filing, file_in, submit
from core.cases.holding import find, system_step
from core.cases.live import Engine
from core.cases.rows import Case
from core.cases.timing import limit_row
from core.cases.who import covers, is_applicant
from core.cases.words import words
from core.fields.times import utc_now
from core.manifest.model import World
from core.privacy.rows import Lying
from core.store.case_tables import CASE_RECORD
from core.store.database import Database, Transaction
from core.store.ids import uuid7
from core.store.rating_tables import RATING
from core.store.rows import change
from core.store.statement import load_row, statement

LEVELS: Mapping[int, str] = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
#: As many stars or fewer: somebody calls back, and the unit puts it right.
BAD_MAX = 2
#: What one may tick, by channel: at a counter one judges other things than on a screen.
ONLINE: Mapping[str, str] = {"speed": "办事效率", "guide": "指南精确度", "ease": "便捷度", "platform": "平台操作"}
COUNTER: Mapping[str, str] = {"speed": "服务效率", "skill": "服务水平", "manner": "服务态度"}
COUNTER_CHANNELS = frozenset({"window", "hotline", "agent"})
#: Who calls back, checks, and may mark a rating as malicious: 12345, or the command centre where it is about 12345.
CHECKERS = ("hotline_agent", "duty_leader")
RECTIFICATION, COMPLAINT = "core.rectification", "core.complaint"
#: Part of the rectification that is the unit's.
RECTIFY = "rectify"
COMMENT, FOLLOW_UP, MALICIOUS = "tb_rating.comment:", "tb_rating.follow_up:", "tb_rating.malicious:"
NO_RATING = "这件办件没有可以评价的结果"
_NAMES = tuple(column.name for column in RATING.columns)


@dataclass(frozen=True, slots=True)
class Rating:
    """One offer, and what came of it. `comment` and `follow_up` are open words."""

    id: str
    case_id: str
    number: str
    plugin_id: str
    service: str
    channel: str
    division: str
    org: str | None
    role: str | None
    offered_at: datetime
    closes_at: datetime
    stars: int | None
    tags: list[str] | None
    comment: str | None
    rated_by: str | None
    rated_at: datetime | None
    follow_up: str | None
    followed_at: datetime | None
    malicious_by: str | None
    malicious_reason: str | None
    malicious_at: datetime | None
    rectification: str | None

    @property
    def choices(self) -> Mapping[str, str]:
        return COUNTER if self.channel in COUNTER_CHANNELS else ONLINE


@dataclass(frozen=True)
class Ratings:
    """`Cases.ratings`."""

    engine: Engine

    async def of(self, actor: Actor, number: str) -> Rating | None:
        """The applicant's own, or any for who checks ratings of other units than his; for all others there is none."""
        found = await self._read(self.engine.database, number)
        if found is None or not await self._may_read(actor, found):
            await find(self.engine, actor, number)
            return None
        if actor.kind == "staff":
            await self.engine.audit.record(_entry(actor, "case.read_rating", found))
        return found

    async def rate(
        self, actor: Actor, number: str, stars: int, *, tags: Sequence[str] = (), comment: str = ""
    ) -> Rating:
        """By the applicant or who acts for him, once, while it is open. A bad one opens a rectification."""
        async with self.engine.transaction() as tx:
            case, found = await self._own(tx, actor, number)
            _check(found, stars, tags)
            now, comment = utc_now(), words(comment, "") if comment.strip() else ""
            values: dict[str, Any] = {
                "stars": stars, "tags": sorted(set(tags)), "rated_by": actor.id, "rated_at": now,
                "comment": self.engine.vault.seal(comment, f"{COMMENT}{found.id}") if comment else None,
            }  # fmt: skip
            if found.stars is None and now > found.closes_at:
                raise ConflictError("评价的时间已过", hint="对结果有意见，可以投诉")
            if not await self._change(tx, found, values, "stars IS NULL"):
                raise ConflictError("这件办件已经评价过", hint="可以追评一次")
            if stars <= BAD_MAX:
                opened = await self._rectify(tx, case, replace(found, stars=stars, tags=list(tags)), comment)
                await self._change(tx, found, {"rectification": opened}, "stars IS NOT NULL")
            await self._count(tx, found, stars)
            await self.engine.audit.within(tx, _entry(actor, "case.rate", found, case))
        return await self._again(number)

    async def follow_up(self, actor: Actor, number: str, text: str) -> Rating:
        """A word more, once; the stars stay."""
        text = words(text, "请写下追评的内容")
        async with self.engine.transaction() as tx:
            case, found = await self._own(tx, actor, number)
            if found.stars is None:
                raise ConflictError("还没有评价，不能追评")
            values = {"follow_up": self.engine.vault.seal(text, f"{FOLLOW_UP}{found.id}"), "followed_at": utc_now()}
            if found.followed_at or not await self._change(tx, found, values, "followed_at IS NULL"):
                raise ConflictError("已经追评过一次")
            await self.engine.audit.within(tx, _entry(actor, "case.follow_up", found, case))
        return await self._again(number)

    async def mark_malicious(self, actor: Actor, number: str, reason: str) -> Rating:
        """By who checks ratings, of a unit other than the rated one; from then on it is not counted."""
        reason = words(reason, "请写明认定恶意评价的理由")
        async with self.engine.transaction() as tx:
            found = await self._read(tx, number)
            if found is None or not _checks(actor, found):
                raise PermissionDeniedError("恶意评价由被评价单位以外的评价管理人员认定")
            values = {
                "malicious_by": actor.staff, "malicious_at": utc_now(),
                "malicious_reason": self.engine.vault.seal(reason, f"{MALICIOUS}{found.id}"),
            }  # fmt: skip
            if not await self._change(tx, found, values, "malicious_at IS NULL AND stars IS NOT NULL"):
                raise ConflictError("这个评价还没有作出，或者已经认定过")
            await self._count(tx, found, None)
            await self.engine.audit.within(tx, _entry(actor, "case.mark_rating", found))
        return await self._again(number)

    async def complain(self, actor: Actor, number: str, text: str) -> Case:
        """投诉: a case of its own, by who has part in the other one; not handled by the unit it is about."""
        text = words(text, "请写明投诉的内容")
        case, engine = await find(self.engine, actor, number), self.engine
        if actor.kind != "citizen":
            raise PermissionDeniedError("投诉由办件的申请人提出")
        item = engine.definitions.newest(engine.live().world, COMPLAINT, utc_now())
        channel = case.channel if case.channel in item.channels else "app"
        return await submit(engine, actor, COMPLAINT, {"about_no": case.number, "text": text}, channel=channel)

    async def _own(self, tx: Transaction, actor: Actor, number: str) -> tuple[Case, Rating]:
        """Of a case the caller applied for; nobody else's rating is told from none."""
        case = await find(self.engine, actor, number, source=tx, hold=True)
        found = await self._read(tx, number)
        if not is_applicant(actor, case):
            raise PermissionDeniedError("只有申请人可以评价")
        if found is None or case.closed_at is None:
            raise ConflictError(NO_RATING, hint="办件办结后的七天内可以评价")
        return case, found

    async def _may_read(self, actor: Actor, found: Rating) -> bool:
        if actor.kind == "staff":
            return _checks(actor, found)
        try:
            return is_applicant(actor, await find(self.engine, actor, found.number))
        except NotFoundError:
            return False

    async def _rectify(self, tx: Transaction, case: Case, found: Rating, comment: str) -> str:
        """A case about a case: for the rated unit to put right, for the checkers to call back. The unit's row says
        what was rated and how, never by whom or in which case."""
        engine = self.engine
        world = engine.live().world
        actor = replace(service_actor("core"), division=found.division)
        item = engine.definitions.newest(world, RECTIFICATION, utc_now())
        values = {
            "about_no": found.number, "item": await self._title(world, case), "unit": found.org, "stars": found.stars,
            "tags": "、".join(found.choices[tag] for tag in found.tags or ()), "comment": comment or None,
            "contact_phone": await self._phone(tx, world, case),
        }  # fmt: skip
        given = {name: value for name, value in values.items() if value not in (None, "")}
        workflow = await engine.definitions.workflow(world, case.workflow, case.workflow_version)
        more = {"about": case.id, "org": found.org, "limit": limit_row(workflow.rectification)}
        # The row is about the rater, the case is nobody's: a case shows its parties to who works on it.
        filing = Filing(actor, item, given, "system", applicant=case.applicant, more={**more, "applicant": None})
        opened = await file_in(engine, tx, filing, uuid7())
        await self._give(tx, opened, found)
        return opened.id

    async def _give(self, tx: Transaction, opened: Case, found: Rating) -> None:
        """The unit's part goes to those of its people who did the case; to its head where no rule lets them."""
        if found.org is None:
            return
        step = await system_step(self.engine, tx, opened.id, "pass_on")
        roles = (found.role or "").split("|")
        may = any(step.live.access.rules(frozenset({role}), RECTIFICATION, "update") for role in roles)
        for task in step.live_tasks:
            if task.part == RECTIFY:
                step.change_task(task.id, role=found.role if may else task.role, org=found.org)
        await step.finish()

    async def _title(self, world: World, case: Case) -> str:
        return (await self.engine.definitions.service(world, case.service, case.service_version)).title

    async def _phone(self, tx: Transaction, world: World, case: Case) -> str | None:
        entity = world.entity("core.person")
        if entity is None or case.applicant is None:
            return None
        rows = await Lying(self.engine.database, self.engine.vault).rows(
            entity, "id = {id}", tx=tx, id=case.applicant
        )  # fmt: skip
        return str(rows[0]["phone"]) if rows and rows[0].get("phone") else None

    async def _change(self, tx: Transaction, found: Rating, values: Mapping[str, Any], where: str) -> bool:
        dialect = self.engine.database.dialect
        return await change(tx, dialect, RATING, values, f"id = {{id}} AND {where}", id=found.id) == 1

    async def _count(self, tx: Transaction, found: Rating, stars: int | None) -> None:
        """In the 办件库 too."""
        dialect = self.engine.database.dialect
        await change(tx, dialect, CASE_RECORD, {"stars": stars}, "id = {id}", id=found.case_id)

    async def _again(self, number: str) -> Rating:
        found = await self._read(self.engine.database, number)
        assert found is not None
        return found

    async def _read(self, source: Database | Transaction, number: str) -> Rating | None:
        dialect, vault = self.engine.database.dialect, self.engine.vault
        text = f"SELECT {', '.join(_NAMES)} FROM tb_rating WHERE number = {{number}}"
        rows = await source.fetch(*statement(dialect, RATING, text, number=number))
        if not rows:
            return None
        row = dict(load_row(dialect, RATING, _NAMES, rows[0]))
        sealed = {"comment": COMMENT, "follow_up": FOLLOW_UP, "malicious_reason": MALICIOUS}
        for name, space in sealed.items():
            row[name] = vault.unseal(row[name], f"{space}{row['id']}") if row[name] else None
        return Rating(**row)


def _check(found: Rating, stars: int, tags: Sequence[str]) -> None:
    problems = []
    if stars not in LEVELS:
        problems.append(InputProblem(("stars",), "评价分五档，应为 1 到 5", "rating.stars"))
    choices = "、".join(found.choices)
    problems += [
        InputProblem(("tags", i), f"标签应是以下之一：{choices}", "rating.tag")
        for i, tag in enumerate(tags)
        if tag not in found.choices
    ]
    if problems:
        raise InvalidInputError("填写的内容有误", problems)


def _checks(actor: Actor, found: Rating) -> bool:
    """Staff who look after ratings in its division, of another unit."""
    return (
        actor.staff is not None
        and not actor.roles.isdisjoint(CHECKERS)
        and actor.org != found.org
        and covers(actor, found.division, None, None)
    )


def _entry(actor: Actor, action: str, found: Rating, case: Case | None = None) -> Entry:
    subjects = (case.applicant,) if case is not None and case.applicant else ()
    return Entry(actor, action, subjects=subjects, case=found.number)
