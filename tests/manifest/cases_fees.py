"""Bad fees and steps that wait for payment, and every problem the check must find."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.changes import Case
from tests.manifest.flows import FLOWS
from tests.manifest.folders import Files

FEES, PAID = "grid/fees.yaml", "grid/workflows/paid.yaml"

WITH_FEES: Mapping[str, str] = {
    **FLOWS,
    FEES: """\
fees:
  repair: {title: 维修费, kind: 服务, entity: repair_order, amount: cost, due: {value: 3, unit: D}}
  compound:
    title: 服务费
    kind: 服务
    entity: repair_order
    payer: reporter
    amount: "20"
    due: {value: 30, unit: D}
    late_fee: {percent_per_day: 0.05}
    run: {cycle: month, where: 'category == "gas"'}
    roles: {see: [property_staff], waive: [unit_head], void: [unit_head], refund: [unit_head]}
""",
    PAID: """\
workflow: paid
version: 1
title: 收费维修
entity: repair_order
start: open
states:
  open: {title: 待办, roles: [property_staff]}
  paying: {title: 待缴费, assign: applicant, on_paid: end}
  closed: {title: 办结, end: done}
actions:
  bill: {title: 出账, from: [open], to: paying, roles: [assignee], effects: [{payment: {fee: repair}}]}
  end: {title: 缴清, from: [paying], to: closed, roles: [system]}
""",
    "grid/i18n/en.yaml": "fees.repair.title: Repair\n",
}


def fee(name: str, old: str, new: str) -> Files:
    text = WITH_FEES[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**WITH_FEES, name: text.replace(old, new)}


CASES: list[Case] = [
    ("good fees", {**WITH_FEES}, []),
    (
        "a fee with a name that is taken",
        {**WITH_FEES, "grid/fees/more.yaml": WITH_FEES[FEES].split("  compound:")[0]},
        ["grid/fees/more.yaml:2:3 fee.duplicate"],
    ),
    ("a payer who is nobody", fee(FEES, "payer: reporter", "payer: worker"), ["grid/fees.yaml:7:12 fee.payer"]),
    ("a run nobody pays", fee(FEES, "    payer: reporter\n", ""), ["grid/fees.yaml:10:5 fee.run-payer"]),
    ("an amount that is no number", fee(FEES, "amount: cost", "amount: category"), ["grid/fees.yaml:2:64 fee.amount"]),
    ("an amount that depends on the caller", fee(FEES, '"20"', "me.real_name"), ["grid/fees.yaml:8:13 expr.caller"]),
    ("a run over no rows", fee(FEES, '\'category == "gas"\'', "cost"), ["grid/fees.yaml:11:32 expr.not-bool"]),
    (
        "a role of no staff",
        fee(FEES, "see: [property_staff]", "see: [resident]"),
        ["grid/fees.yaml:12:19 role.not-staff"],
    ),
    (
        "a step that bills an unknown fee",
        fee(PAID, "fee: repair}", "fee: repare}"),
        ["grid/workflows/paid.yaml:11:92 workflow.template-unknown"],
    ),
    (
        "a step that bills by rows of another entity",
        fee(FEES, "entity: repair_order, amount: cost", 'entity: compound, amount: "5"'),
        ["grid/workflows/paid.yaml:11:86 workflow.payment-entity"],
    ),
    (
        "a wait for payment that nobody asked for",
        fee(PAID, ", effects: [{payment: {fee: repair}}]", ""),
        ["grid/workflows/paid.yaml:8:52 workflow.on-paid-fee"],
    ),
    (
        "a step after payment that is not there",
        fee(PAID, "on_paid: end}", "on_paid: ended}"),
        ["grid/workflows/paid.yaml:8:52 workflow.name-unknown"],
    ),
    (
        "a step after payment that people take",
        fee(PAID, "to: closed, roles: [system]", "to: closed, roles: [applicant]"),
        ["grid/workflows/paid.yaml:8:52 workflow.auto-action"],
    ),
    (
        "payment that leads round in a circle",
        fee(PAID, "from: [paying], to: closed, roles: [system]}", "from: [paying], to: paying, roles: [system]}\n"
            "  close: {title: 办结, from: [paying], to: closed, roles: [applicant]}"),
        ["grid/workflows/paid.yaml:8:11 workflow.auto-cycle"],
    ),
]  # fmt: skip
