"""Root fields of ratings (好差评): rate, add a word, complain; what is told to everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from core.api.case_names import names_of
from core.api.case_roots import Number, Reason
from core.api.case_stats_roots import CaseStatsKey
from core.api.case_types import Case
from core.api.case_views import case_views, service_title
from core.api.compose import Roots
from core.cases import rating
from core.cases.satisfaction import satisfaction
from core.cases.statistics import Key
from core.read.floor import GROUP_MIN


@strawberry.type(description="评价的一个标签。")
class RatingTag:
    id: str = strawberry.field(description="标识。")
    title: str = strawberry.field(description="名称。")


@strawberry.type(description="一件办件的评价。只有申请人和被评价单位以外的评价管理人员看得到。")
class CaseRating:
    number: strawberry.ID = strawberry.field(description="办件编号。")
    closes_at: datetime = strawberry.field(description="最迟什么时候评价（UTC）；过后为未评，不算满意。")
    choices: list[RatingTag] = strawberry.field(description="可以选的标签，网上和窗口不同。")
    stars: int | None = strawberry.field(description="5 非常满意 … 1 非常不满意；空为未评。")
    level: str = strawberry.field(description="这一档的名称；未评的为空。")
    tags: list[str] = strawberry.field(description="所选的标签。")
    comment: str | None = strawberry.field(description="评语。")
    rated_at: datetime | None = strawberry.field(description="评价时间（UTC）。")
    follow_up: str | None = strawberry.field(description="追评。")
    is_malicious: bool = strawberry.field(description="认定为恶意评价，不计入统计。")
    opened_rectification: bool = strawberry.field(description="因差评开了整改。")

    @classmethod
    def of(cls, found: rating.Rating) -> CaseRating:
        return cls(
            number=strawberry.ID(found.number), closes_at=found.closes_at,
            choices=[RatingTag(id=id, title=title) for id, title in found.choices.items()], stars=found.stars,
            level=rating.LEVELS[found.stars] if found.stars else "", tags=found.tags or [], comment=found.comment,
            rated_at=found.rated_at, follow_up=found.follow_up, is_malicious=found.malicious_at is not None,
            opened_rectification=found.rectification is not None,
        )  # fmt: skip


@strawberry.type(description=f"一组评价的数字，按作出的先后每 {GROUP_MIN} 个一批公布：看不出哪一个是谁评的。")
class RatingStats:
    key: str | None = strawberry.field(description="事项标识、单位（core.org_unit）或渠道。")
    title: str = strawberry.field(description="事项或单位的名称；渠道为它的标识。")
    rated: int = strawberry.field(description="已评的。")
    levels: list[int] = strawberry.field(description="五档各有多少，从非常满意到非常不满意。")
    satisfied_percent: float | None = strawberry.field(
        description="已评的里面基本满意以上的，百分数，一位小数；没有已评的为空。"
    )
    unrated: int = strawberry.field(description="到期未评的；不算满意，也不算不满意。")


async def _rating(info: strawberry.Info, number: Number) -> CaseRating | None:
    context: Any = info.context
    found = await context.host.cases.ratings.of(context.actor, number)
    return CaseRating.of(found) if found else None


async def _stats(
    info: strawberry.Info, by: Annotated[CaseStatsKey, strawberry.argument(description="按什么分组。")],
    year: Annotated[int, strawberry.argument(description="哪一年（北京时间）。")],
) -> list[RatingStats]:  # fmt: skip
    context: Any = info.context
    found = await satisfaction(context.host.cases.engine, cast(Key, by.value), year)
    is_unit, is_service = by is CaseStatsKey.UNIT, by is CaseStatsKey.SERVICE
    names = await names_of(context, [one.key for one in found] if is_unit else [])
    titles = {
        one.key: names.unit(one.key) if is_unit else service_title(names.world, one.key or "") if is_service else ""
        for one in found
    }
    return [
        RatingStats(
            key=one.key, title=titles[one.key] or one.key or "", rated=one.rated, levels=list(one.levels),
            satisfied_percent=one.content_percent, unrated=one.unrated,
        )
        for one in found
    ]  # fmt: skip


async def _rate(
    info: strawberry.Info, number: Number,
    stars: Annotated[int, strawberry.argument(description="5 非常满意 … 1 非常不满意。")],
    tags: Annotated[list[str] | None, strawberry.argument(description="标签的标识，见 choices。")] = None,
    comment: Annotated[str, strawberry.argument(description="评语，至多 1000 字；被评价的单位看不到。")] = "",
) -> CaseRating:  # fmt: skip
    context: Any = info.context
    done = await context.host.cases.ratings.rate(context.actor, number, stars, tags=tags or (), comment=comment)
    return CaseRating.of(done)


async def _follow_up(
    info: strawberry.Info, number: Number, text: Annotated[str, strawberry.argument(description="追评的内容。")]
) -> CaseRating:
    context: Any = info.context
    return CaseRating.of(await context.host.cases.ratings.follow_up(context.actor, number, text))


async def _mark(info: strawberry.Info, number: Number, reason: Reason) -> CaseRating:
    context: Any = info.context
    return CaseRating.of(await context.host.cases.ratings.mark_malicious(context.actor, number, reason))


async def _complain(
    info: strawberry.Info, number: Number, text: Annotated[str, strawberry.argument(description="投诉的内容。")]
) -> Case:
    context: Any = info.context
    (shown,) = await case_views(context, [await context.host.cases.ratings.complain(context.actor, number, text)])
    return shown


@strawberry.type
class Query:
    case_rating: CaseRating | None = strawberry.field(
        resolver=_rating, description="一件办件的评价；没有请评的、无权看的为空。"
    )
    rating_stats: list[RatingStats] = strawberry.field(
        resolver=_stats, description="好差评统计，公开：按事项、单位或渠道，恶意评价不计，未评的另列。"
    )


@strawberry.type
class Mutation:
    rate_case: CaseRating = strawberry.mutation(
        resolver=_rate, description="评价，每件一次，办结后七天内；两星以下的有人回访，责任单位整改。"
    )
    follow_up_rating: CaseRating = strawberry.mutation(resolver=_follow_up, description="追评，一次；星级不变。")
    mark_rating_malicious: CaseRating = strawberry.mutation(
        resolver=_mark, description="认定恶意评价：由被评价单位以外的话务员、值班长，写明理由；从此不计。"
    )
    complain_about_case: Case = strawberry.mutation(
        resolver=_complain, description="投诉一件办件：另成一件，由 12345 调查答复。"
    )


def rating_roots() -> Roots:
    return Roots(Query, Mutation)
