"""fees.yaml or fees/*.yaml: what people pay for, and who is billed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tongban_sdk.problems import Place

from core.fields.refs import Ref
from core.manifest.definitions import full_key, limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import Checked
from core.manifest.fees import PAYERS, BillRun, Fee, FeeRoles, LateFee
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Entity
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

DUTIES = ("see", "waive", "void", "refund")


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Fee]:
    fees: dict[str, Fee] = {}
    for document in documents:
        for id, spec in document.entries("fees"):
            place = document.key_place("fees", id)
            if id in fees:
                message = f"收费 {id} 已在 {fees[id].place.file} 声明"
                draft.error("fee.duplicate", place, message, "换一个名字")
            fees[id] = _fee(id, spec, place, document, draft)
    return fees


def _fee(id: str, spec: Mapping[str, Any], place: Place, document: Document, draft: Draft) -> Fee:
    path = ("fees", id)
    entity = draft.entity(spec["entity"], document.place(*path, "entity"))
    at = Checked(document, entity, draft)
    payer, run = spec.get("payer", ""), spec.get("run")
    if entity is not None and payer:
        _check_payer(payer, entity, document.place(*path, "payer"), draft)
    if run and not payer:
        draft.error("fee.run-payer", document.key_place(*path, "run"), f"{id} 按期出账，没有写谁缴", "写上 payer")
    due = limit_of(spec["due"])
    assert due is not None  # the schema wants it
    amount = at.value(spec["amount"], *path, "amount")
    found = at.types.get((*path, "amount"))
    if found is not None and found.kind not in ("int", "decimal"):
        message = f"金额应为数，这里得到{found}"
        draft.error("fee.amount", document.place(*path, "amount"), message, "写成以元计的数，如 area * 2")
    return Fee(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        kind=spec["kind"],
        entity=entity.key if entity else full_key(spec["entity"], draft.plugin.id),
        amount=amount,
        due=due,
        place=place,
        payer=payer,
        run=BillRun(run["cycle"], _where(run, path, at)) if run else None,
        late_fee=_late_fee(spec.get("late_fee")),
        roles=_roles(spec.get("roles", {}), path, document, draft),
    )


def _where(run: Mapping[str, Any], path: tuple[str, str], at: Checked) -> Any:
    return at.condition(run["where"], *path, "run", "where") if "where" in run else None


def _late_fee(spec: Mapping[str, Any] | None) -> LateFee | None:
    return LateFee(Decimal(str(spec["percent_per_day"])), spec.get("max_percent", 100)) if spec else None


def _check_payer(name: str, entity: Entity, place: Place, draft: Draft) -> None:
    field = entity.fields.get(name)
    if draft.is_broken_field(entity, name) or (isinstance(field, Ref) and field.to in PAYERS):
        return
    known = [f.name for f in entity.fields.values() if isinstance(f, Ref) and f.to in PAYERS]
    message = f"payer 应是指向 {' 或 '.join(PAYERS)} 的 ref 字段，{shown(name)} 不是"
    draft.error("fee.payer", place, message, did_you_mean(name, known))


def _roles(spec: Mapping[str, Any], path: tuple[str, str], document: Document, draft: Draft) -> FeeRoles:
    for duty in DUTIES:
        for i, role in enumerate(spec.get(duty, ())):
            check_staff_role(role, document.place(*path, "roles", duty, i), draft)
    return FeeRoles(**{duty: frozenset(spec.get(duty, ())) for duty in DUTIES})


SECTION = Section(
    "fees",
    ("fees.yaml", "fees/*.yaml"),
    "fees.schema.json",
    build,
    units=("fees",),
    after=("plugin", "entities"),
)
