"""Who looked at a person's data, and who changed it: told from the audit, in words a citizen understands.

A looker is named by unit and post, not by name: the duty answers to the citizen, the person to the auditor, who finds
the account in the same line. A private name would make the page a list of people to be angry with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.audit.reading import Page, cursor_of
from core.fields import FieldError, all_fields
from core.fields.refs import parse_uuid
from core.manifest.consents import purposes_of
from core.manifest.model import World
from core.privacy.catalogue import Catalogue
from core.privacy.rows import Lying
from core.store.account_tables import ACCOUNT, ACCOUNT_PERSON
from core.store.audit_tables import AUDIT, AUDIT_SUBJECT
from core.store.statement import load_row, statement

COLUMNS = ("lane", "number", "at", "actor", "kind", "agent", "action", "entity", "result", "fields", "purpose", "case")
ACTIONS: Mapping[str, str] = {
    "read": "查看", "unmask": "查看明文", "create": "登记", "update": "修改", "delete": "删除", "export": "导出",
    "erase": "删除个人信息", "grant_consent": "登记同意", "withdraw_consent": "登记撤回同意",
    "licence.scan": "扫码查验证照", "licence.use": "凭授权查看证照",
}  # fmt: skip
KINDS: Mapping[str, str] = {
    "citizen": "其他群众账号",
    "staff": "工作人员",
    "admin": "平台管理员",
    "system": "系统自动处理",
    "anonymous": "未登录访问者",
}
_FIRST = (
    "SELECT {columns} FROM tb_audit_subject s JOIN tb_audit a ON a.lane = s.lane AND a.number = s.number "
    "WHERE s.person = {{person}}{own}{after} ORDER BY s.at DESC, s.lane DESC, s.number DESC LIMIT {limit}"
)
_AFTER = " AND (s.at < {at} OR (s.at = {at} AND (s.lane < {lane} OR (s.lane = {lane} AND s.number < {number}))))"


@dataclass(frozen=True, slots=True)
class Look:
    """One line."""

    cursor: str
    at: datetime
    who: str
    action: str
    is_refused: bool
    entity_title: str
    fields: tuple[str, ...]
    purpose: str
    purpose_text: str
    case: str


class Lookers:
    """Of one generation."""

    def __init__(self, lying: Lying, world: World, catalogue: Catalogue) -> None:
        self._database, self._lying, self._world, self._catalogue = lying.database, lying, world, catalogue

    async def of(
        self, person: str, first: int = 20, after: str | None = None, *, own: bool = False, account: str = ""
    ) -> list[Look]:
        """The newest first. Without `own`, what the person did herself is left out: through accounts bound to her, or
        through `account`."""
        page = Page.of(first, after)
        accounts = [] if own else list(filter(None, [account, *await self._accounts(person)]))
        values: dict[str, Any] = {"person": person, **{f"own{i}": id for i, id in enumerate(accounts)}}
        marks = ", ".join(f"{{own{i}:person}}" for i in range(len(accounts)))
        if page.after is not None:
            values |= dict(zip(("at", "lane", "number"), page.after, strict=True))
        text = _FIRST.format(
            columns=", ".join(f'a."{name}"' for name in COLUMNS),
            own=f" AND NOT (a.agent = '' AND a.actor IN ({marks}))" if accounts else "",
            after=_AFTER if page.after is not None else "", limit=first,
        )  # fmt: skip
        found = await self._database.fetch(*statement(self._database.dialect, AUDIT_SUBJECT, text, **values))
        lines = [load_row(self._database.dialect, AUDIT, COLUMNS, row) for row in found]
        holders = await self._holders([line["actor"] for line in lines if line["kind"] == "staff"])
        titles = await self._titles()
        return [self._look(line, person, holders, titles) for line in lines]

    async def _accounts(self, person: str) -> list[str]:
        """Accounts that stand for the person herself."""
        text = "SELECT account FROM tb_account_person WHERE person = {person}"
        rows = await self._database.fetch(*statement(self._database.dialect, ACCOUNT_PERSON, text, person=person))
        return [str(id) for (id,) in rows]

    async def _holders(self, accounts: Sequence[str]) -> Mapping[str, str]:
        """Unit and post by account id."""
        return {id: title for id in dict.fromkeys(accounts) if (title := await self._holder(id))}

    async def _holder(self, account: str) -> str:
        text = "SELECT staff FROM tb_account WHERE id = {id}"
        try:
            id = parse_uuid(account)
        except FieldError:
            return ""
        rows = await self._database.fetch(*statement(self._database.dialect, ACCOUNT, text, id=id))
        staff = await self._row("core.staff", str(rows[0][0])) if rows and rows[0][0] else None
        if not staff:
            return ""
        unit, post = await self._row("core.org_unit", staff["org_unit"]), await self._row("core.post", staff["post"])
        return " ".join(str(row[name]) for row, name in ((unit, "name"), (post, "title")) if row and name in row)

    async def _row(self, key: str, id: str | None) -> Any:
        entity = self._world.entity(key)
        return await self._lying.row(entity, id, deleted=True) if entity and id else None

    async def _titles(self) -> Mapping[str, str]:
        """Of entities ("core.person") and their fields ("core.person.idno"), also of plugins that are gone."""
        entities = {h.entity.key: h.entity for h in await self._catalogue.holdings(self._world)} | self._world.entities
        titles = {key: entity.title for key, entity in entities.items()}
        return titles | {
            f"{key}.{field.name}": field.title
            for key, entity in entities.items()
            for field in all_fields(entity).values()
        }

    def _look(
        self, line: Mapping[str, Any], person: str, holders: Mapping[str, str], titles: Mapping[str, str]
    ) -> Look:
        key, (purpose, purpose_text) = line["entity"], self._purposes(line["purpose"])
        named = (name if name in titles else f"{key}.{name}" for name in line["fields"].split(",") if name)
        return Look(
            cursor=cursor_of(line), at=line["at"], who=_who(line, holders),
            action=ACTIONS.get(line["action"], line["action"]), is_refused=line["result"] != "ok",
            entity_title=titles.get(key, key), fields=tuple(titles.get(name, name) for name in named),
            purpose=purpose, purpose_text=purpose_text, case=line["case"],
        )  # fmt: skip

    def _purposes(self, keys: str) -> tuple[str, str]:
        """Titles and words of what a line names: a read that crosses entities names the purposes of all."""
        titles, texts = [], []
        for key in filter(None, keys.split(",")):
            plugin = self._world.plugins.get(key.partition(".")[0])
            known = purposes_of(plugin).get(key) if plugin else None
            titles.append(known.purpose.title if known else key)
            texts += [known.purpose.text] if known else []
        return "、".join(titles), "；".join(texts)


def _who(line: Mapping[str, Any], holders: Mapping[str, str]) -> str:
    if line["agent"]:
        return "代办人"
    return holders.get(line["actor"]) or KINDS.get(line["kind"], "其他")
