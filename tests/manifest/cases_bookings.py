"""Bad bookings and steps that take them, and every problem the check must find."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.changes import Case
from tests.manifest.flows import ACCESS, FLOWS
from tests.manifest.folders import Files

BOOKINGS, VISIT = "grid/bookings.yaml", "grid/workflows/visit.yaml"

WITH_BOOKINGS: Mapping[str, str] = {
    **FLOWS,
    BOOKINGS: """\
bookings:
  hall:
    title: 会议室预约
    resource: compound
    kind: slot
    hold_for: {value: 10, unit: MIN, x-note: 测试}
    release: {days_ahead: 7, at: "09:00"}
    cancel_before: {value: 2, unit: H}
    per_person: 2
    quantity_max: 3
    no_show: {times: 3, within: {value: 60, unit: D}, pause: {value: 1, unit: MON}}
    audience: [person, legal]
    real_name: 1
    roles: [grid_worker]
  tools: {title: 工具领用, resource: compound, kind: stock, hold_for: {value: 1, unit: H}, roles: [grid_worker]}
""",
    VISIT: """\
workflow: visit
version: 1
title: 预约上门
entity: cleaning
start: new
states:
  new: {title: 待办, roles: [property_staff]}
  closed: {title: 办结, end: done}
actions:
  book: {title: 确认, from: [new], to: closed, roles: [assignee], effects: [{slot: {do: confirm, field: about}}]}
""",
    ACCESS: FLOWS[ACCESS]
    + """\
  - {role: resident, entity: compound, can: [read]}
  - {role: grid_worker, entity: compound, can: [read], where: "under(division, me.division)"}
""",
    "grid/i18n/en.yaml": "bookings.hall.title: Halls\n",
}


def booking(name: str, old: str, new: str) -> Files:
    text = WITH_BOOKINGS[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**WITH_BOOKINGS, name: text.replace(old, new)}


CASES: list[Case] = [
    ("good bookings", {**WITH_BOOKINGS}, []),
    (
        "a booking with a name that is taken",
        {**WITH_BOOKINGS, "grid/bookings/more.yaml": "bookings:\n" + WITH_BOOKINGS[BOOKINGS].splitlines()[-1] + "\n"},
        ["grid/bookings/more.yaml:2:3 booking.duplicate"],
    ),
    (
        "bookings of nothing",
        booking(BOOKINGS, "resource: compound\n", "resource: compond\n"),
        ["grid/bookings.yaml:4:15 entity.unknown"],
    ),
    (
        "stock with a time",
        booking(BOOKINGS, "kind: stock,", "kind: stock, cancel_before: {value: 2, unit: H},"),
        ["grid/bookings.yaml:15:57 booking.stock"],
    ),
    (
        "held for days",
        booking(BOOKINGS, "{value: 10, unit: MIN, x-note: 测试}", "{value: 10, unit: D}"),
        ["grid/bookings.yaml:6:33 manifest.not-allowed"],
    ),
    (
        "released at no time",
        booking(BOOKINGS, '"09:00"', '"9"'),
        ["grid/bookings.yaml:7:34 manifest.bad-format"],
    ),
    (
        "staff who see nothing",
        booking(
            BOOKINGS, "real_name: 1\n    roles: [grid_worker]", "real_name: 1\n    roles: [grid_worker, dispatcher]"
        ),
        ["grid/bookings.yaml:14:26 booking.staff-closed"],
    ),
    (
        "citizens as staff",
        booking(BOOKINGS, "real_name: 1\n    roles: [grid_worker]", "real_name: 1\n    roles: [resident]"),
        ["grid/bookings.yaml:14:13 role.not-staff"],
    ),
    (
        "a hall nobody sees",
        booking(ACCESS, "  - {role: resident, entity: compound, can: [read]}\n", ""),
        ["grid/bookings.yaml:4:15 booking.closed", "grid/bookings.yaml:15:34 booking.closed"],
    ),
    (
        "a number in no field",
        booking(VISIT, "field: about", "field: abuot"),
        ["grid/workflows/visit.yaml:10:103 workflow.slot-field"],
    ),
    (
        "a number in a field of choices",
        booking(VISIT, "field: about", "field: level"),
        ["grid/workflows/visit.yaml:10:103 workflow.slot-field"],
    ),
    (
        "a step about bookings there are not",
        {key: text for key, text in WITH_BOOKINGS.items() if key not in (BOOKINGS, "grid/i18n/en.yaml")},
        ["grid/workflows/visit.yaml:10:82 workflow.slot-unoffered"],
    ),
    (
        "bookings that cannot be read",
        {**WITH_BOOKINGS, BOOKINGS: "bookings: 5\n", "grid/i18n/en.yaml": "title: Grid\n"},
        ["grid/bookings.yaml:1:11 manifest.wrong-type"],
    ),
]
