"""What an entity says of periods that must not overlap."""

from __future__ import annotations

from core.fields import all_fields
from core.fields.base import Field
from core.fields.sealed import may_be_sealed
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import shown
from core.manifest.model import Entity

_TIMES = ("date", "datetime")


def check_periods(entity: Entity, document: Document, draft: Draft) -> None:
    for i, period in enumerate(entity.no_overlap):
        names = {"since": period.since, "until": period.until}
        if any(draft.is_broken_field(entity, name) for name in (*period.per, *names.values())):
            continue
        fields = all_fields(entity)
        for j, name in enumerate(period.per):
            if not _is_comparable(fields.get(name), entity):
                message = f"per 应是存在一列里、不加密的字段，{shown(name)} 不是"
                draft.error("entity.period", document.place("no_overlap", i, "per", j), message, "写引用或代码字段")
        kinds = {key: getattr(fields.get(name), "type", "") for key, name in names.items()}
        for key, kind in kinds.items():
            if kind not in _TIMES or kind != kinds["since"]:
                message = f"since 和 until 应都是日期或都是时间，{shown(names[key])} 不是"
                draft.error("entity.period", document.place("no_overlap", i, key), message, "写两个 datetime 字段")


def _is_comparable(field: Field | None, entity: Entity) -> bool:
    if field is None or may_be_sealed(field, entity):
        return False
    columns = field.columns()
    return len(columns) == 1 and columns[0].kind != "json"
