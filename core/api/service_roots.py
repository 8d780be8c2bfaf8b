"""Root fields of the guide: what can be done here, for whom, with which form; and half-filled forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import InputProblem, InvalidInputError, NotFoundError

from core.api.compose import Roots
from core.api.ids import known_id
from core.api.paging import check_first
from core.api.service_types import (
    ServiceDraft,
    ServiceEligibility,
    ServiceForm,
    ServiceGuide,
    ServiceItem,
    ServicePage,
    ServiceTopic,
)
from core.documents.held import held_in
from core.forms import Standing, eligibility, form_of
from core.forms.drafts import Drafts
from core.forms.prefill import PERSON, prefill
from core.identity.required import require_login
from core.read.one import read_one
from core.services import Catalogue, Item, Shelf, guide_of

#: Of the generation that was asked last; any number of requests read it at once.
SHELF = Shelf()
NO_PERSON = "找不到这个人"
Code = Annotated[str, strawberry.argument(description="事项标识，如 community.repair。")]
Division = Annotated[str, strawberry.argument(description="12 位区划代码：在这里能不能办；空为不限。")]
Person = Annotated[strawberry.ID | None, strawberry.argument(description="工作人员替谁办（core.person）；群众不用写。")]


async def _services(
    info: strawberry.Info,
    topic: Annotated[str, strawberry.argument(description="主题或人生大事；空为不限。")] = "",
    audience: Annotated[str, strawberry.argument(description="person 或 legal；空为不限。")] = "",
    plugin: Annotated[str, strawberry.argument(description="应用标识；空为不限。")] = "",
    division: Division = "",
    first: int = 20,
    after: str | None = None,
) -> ServicePage:
    check_first(first)
    found = _offered(info, _catalogue(info).choose(topic=topic, audience=audience, plugin=plugin), division)
    rest = [item for item in found if after is None or item.key > after]
    shown = rest[:first]
    return ServicePage(
        nodes=[_item(info, item, division) for item in shown], total=len(found), has_next_page=len(rest) > first,
        end_cursor=shown[-1].key if shown else None,
    )  # fmt: skip


async def _search(info: strawberry.Info, text: str, division: Division = "", first: int = 20) -> list[ServiceItem]:
    check_first(first)
    found = _offered(info, await _catalogue(info).search(text), division)
    return [_item(info, item, division) for item in found[:first]]


async def _topics(info: strawberry.Info) -> list[ServiceTopic]:
    return [ServiceTopic(name=name, count=count) for name, count in _catalogue(info).topics.items()]


async def _guide(info: strawberry.Info, service: Code, division: Division = "") -> ServiceGuide:
    item = _catalogue(info).get(service)
    return ServiceGuide.of(item, guide_of(item), _choice(info, item, division) == "on")


async def _form(info: strawberry.Info, service: Code, applicant: Person = None) -> ServiceForm:
    context: Any = info.context
    item, generation, actor = _catalogue(info).get(service), context.generation, context.actor
    person = known_id(applicant, NO_PERSON) if applicant else None
    known = {}
    if actor.id:
        held = held_in(context.host.wallet)
        known = await prefill(generation, context.database, actor, item.service, person=person, licences=held)
    return ServiceForm.of(form_of(generation.world, item.service), item.service.version, known)


async def _check(
    info: strawberry.Info, service: Code,
    values: Annotated[JSON | None, strawberry.argument(description="已填的内容；还没填的不算原因。")] = None,
    channel: Annotated[str, strawberry.argument(description="从哪里办：app、web、window……")] = "app",
    division: Division = "", applicant: Person = None,
) -> ServiceEligibility:  # fmt: skip
    context: Any = info.context
    item, actor = _catalogue(info).get(service), require_login(context.actor)
    standing = Standing(
        actor, channel, _choice(info, item, division or actor.division or ""),
        person=await _seen_person(context, applicant) if applicant and actor.kind != "citizen" else None,
    )  # fmt: skip
    given = values_of(values)
    return ServiceEligibility.of(
        await eligibility(context.database, context.generation.world, item.service, standing, given)
    )


async def _my_drafts(info: strawberry.Info, service: Code = "") -> list[ServiceDraft]:
    return [ServiceDraft.of(draft) for draft in await _drafts(info).of(info.context.actor, service)]


async def _save_draft(
    info: strawberry.Info, service: Code, values: JSON,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="改哪一份；不写就是新的一份。")] = None,
) -> ServiceDraft:  # fmt: skip
    item, actor = _catalogue(info).get(service), require_login(info.context.actor)
    draft = await _drafts(info).save(actor, item.key, item.service.version, values_of(values), id=id)
    return ServiceDraft.of(draft)


async def _delete_draft(info: strawberry.Info, id: strawberry.ID) -> strawberry.ID:
    await _drafts(info).delete(require_login(info.context.actor), id)
    return id


@strawberry.type
class Query:
    services: ServicePage = strawberry.field(
        resolver=_services, description="现行的事项，按标识排列；不用登录。停用的应用和区划里停用的不列。"
    )
    search_services: list[ServiceItem] = strawberry.field(
        resolver=_search,
        description="搜事项：名称、别的叫法、主题，也认拼音、首字母和一两个错字；最相符的在前。不用登录。",
    )
    service_topics: list[ServiceTopic] = strawberry.field(resolver=_topics, description="所有主题，事项多的在前。")
    service_guide: ServiceGuide = strawberry.field(resolver=_guide, description="一个事项的办事指南；不用登录。")
    service_form: ServiceForm = strawberry.field(
        resolver=_form, description="一个事项的表单；登录后填好本人看得到的值，并注明来源。"
    )
    check_eligibility: ServiceEligibility = strawberry.field(
        resolver=_check, description="先看能不能办：列出现在就知道的全部原因，不留下任何东西。"
    )
    my_drafts: list[ServiceDraft] = strawberry.field(
        resolver=_my_drafts, description="本人（或所代办的人）的草稿，最近的在前；可以只看一个事项的。"
    )


@strawberry.type
class Mutation:
    save_draft: ServiceDraft = strawberry.mutation(
        resolver=_save_draft, description="保存草稿；写 id 就改那一份。每个账号至多 50 份，放 30 天。"
    )
    delete_draft: strawberry.ID = strawberry.mutation(resolver=_delete_draft, description="删去草稿。")


def service_roots() -> Roots:
    return Roots(Query, Mutation)


def values_of(values: Any, name: str = "values") -> Mapping[str, Any]:
    """What a form holds: an object; nothing is an empty one."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidInputError("填写的内容有误", [InputProblem((name,), "应为字段和值", "form.type")])
    return values


async def _seen_person(context: Any, id: str) -> str:
    """Conditions ask what the registers say of a person: only of whom the caller sees himself."""
    generation, person = context.generation, known_id(id, NO_PERSON)
    entity = generation.world.entity(PERSON)
    if entity is None or not await read_one(generation.reader, context.database, context.actor, entity, person, ()):
        raise NotFoundError(NO_PERSON)
    return person


def _catalogue(info: strawberry.Info) -> Catalogue:
    return SHELF.of(info.context.generation.world)


def _drafts(info: strawberry.Info) -> Drafts:
    host = info.context.host
    return Drafts(host.database, host.vault)


def _choice(info: strawberry.Info, item: Item, division: str) -> Any:
    return info.context.generation.choice(item.plugin.id, division)


def _offered(info: strawberry.Info, items: list[Item], division: str) -> list[Item]:
    return [item for item in items if _choice(info, item, division) != "off"]


def _item(info: strawberry.Info, item: Item, division: str) -> ServiceItem:
    return ServiceItem.of(item, _choice(info, item, division) == "on")
