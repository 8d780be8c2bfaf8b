"""Bad forms and service items, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.flows import ACCESS, ENTITY
from tests.manifest.items import FORM, ITEMS, SERVICE, item

_WIDE = "{anyOf: [" + ", ".join(["{minimum: 1}"] * 20) + "]}"
_ONLINE: dict[str, str | bytes] = {
    **ITEMS,
    SERVICE: ITEMS[SERVICE]
    .replace("on_site_times: 0", "on_site_times: 1")
    .replace('task_type: "20"', "online_handle_depth: Ⅳ\n      limit_scene_explain: 核对原件"),
}
_NO_FORM: dict[str, str | bytes] = {
    **{name: text for name, text in ITEMS.items() if name != FORM},
    SERVICE: ITEMS[SERVICE].replace("    form: repair\n", ""),
    ACCESS: ITEMS[ACCESS].replace("reporter, compound, category, words", "reporter, category, words"),
}

CASES: list[Case] = [
    # forms
    (
        "form in a file of another name",
        item(FORM, "form: repair\ntitle", "form: mend\ntitle"),
        ["grid/forms/repair.yaml:1:7 form.name-file"],
    ),
    (
        "form of no entity",
        item(FORM, "entity: repair_order", "entity: repair_oder"),
        ["grid/forms/repair.yaml:3:9 entity.unknown"],
    ),
    (
        "form asks for what is not there",
        item(FORM, "fields: [compound, category, words, photo]", "fields: [compound, categry, words, photo, category]"),
        ["grid/forms/repair.yaml:5:38 form.field-unknown"],
    ),
    (
        "form asks for the number",
        item(FORM, "words, photo]}", "words, photo, case_no]}"),
        ["grid/forms/repair.yaml:5:62 form.field-unknown"],
    ),
    (
        "form asks twice",
        item(FORM, "phone, salutation]}", "phone, words, salutation]}"),
        ["grid/forms/repair.yaml:6:58 form.field-twice"],
    ),
    (
        "nobody may fill it in",
        item(FORM, "words, photo]}", "words, photo, cost]}"),
        ["grid/forms/repair.yaml:5:62 form.field-closed"],
    ),
    (
        "form leaves out what is required",
        item(FORM, "[compound, category, words, photo]", "[category, words, photo]"),
        ["grid/forms/repair.yaml:5:3 form.required-missing"],
    ),
    (
        "looks of an unknown field",
        item(FORM, "  words: {widget: textarea,", "  wrds: {hint: 写}\n  words: {widget: textarea,"),
        ["grid/forms/repair.yaml:8:3 form.field-unknown"],
    ),
    (
        "required and sometimes hidden",
        item(FORM, "  phone: {prefill", "  category: {showIf: {required: [compound]}}\n  phone: {prefill"),
        ["grid/forms/repair.yaml:11:22 form.show-if-required"],
    ),
    (
        "shown by what comes later",
        item(FORM, "{required: [house]}", "{required: [phone]}"),
        ["grid/forms/repair.yaml:10:31 form.show-if-forward"],
    ),
    (
        "shown by itself",
        item(FORM, "{required: [house]}", "{required: [floor]}"),
        ["grid/forms/repair.yaml:10:31 form.show-if-forward"],
    ),
    (
        "shown by a stranger",
        item(FORM, "{required: [house]}", "{required: [huose]}"),
        ["grid/forms/repair.yaml:10:31 form.field-unknown"],
    ),
    (
        "refined stranger",
        item(FORM, "required: [words]\n", "required: [wrds]\n"),
        ["grid/forms/repair.yaml:13:3 form.field-unknown"],
    ),
    (
        "refined stranger below",
        item(FORM, "floor: {maximum: 30}", "flor: {maximum: 30}"),
        ["grid/forms/repair.yaml:13:3 form.field-unknown"],
    ),
    ("pattern that explodes", item(FORM, "'^[^<>]*$'", "'^(a+)+$'"), ["grid/forms/repair.yaml:15:36 form.pattern"]),
    ("pattern that looks around", item(FORM, "'^[^<>]*$'", "'^(?=a)'"), ["grid/forms/repair.yaml:15:36 form.pattern"]),
    (
        "rule too deep",
        item(
            FORM,
            "floor: {maximum: 30}",
            "floor: " + "{not: " * 13 + "{minimum: 1}" + "}" * 13,
        ),
        ["grid/forms/repair.yaml:13:3 form.rule-too-big"],
    ),
    (
        "rule too wide",
        item(FORM, "floor: {maximum: 30}", "floor: {allOf: [" + ", ".join([_WIDE] * 20) + "]}"),
        ["grid/forms/repair.yaml:13:3 form.rule-too-big"],
    ),
    (
        "shown for a value that never comes",
        item(FORM, "{category: {const: water}}", "{category: {const: 水}}"),
        ["grid/forms/repair.yaml:9:66 form.value-refused"],
    ),
    (
        "narrowed to what it never is",
        item(FORM, "floor: {maximum: 30}", "floor: {enum: [1, 99, x]}"),
        ["grid/forms/repair.yaml:16:23 form.value-refused", "grid/forms/repair.yaml:16:27 form.value-refused"],
    ),
    (
        "a reference in a rule",
        item(FORM, "floor: {maximum: 30}", "floor: {$ref: 'https://example.org/x.json'}"),
        ["grid/forms/repair.yaml:16:13 manifest.ref-refused"],
    ),
    (
        "a keyword nobody needs",
        item(FORM, "floor: {maximum: 30}", "floor: {maximum: 30, default: 3}"),
        ["grid/forms/repair.yaml:16:26 manifest.unknown-key"],
    ),
    (
        "prefill of nothing",
        item(FORM, "earlier.phone", "earlier.phne"),
        ["grid/forms/repair.yaml:11:20 form.prefill-unknown"],
    ),
    (
        "prefill of another kind",
        item(FORM, "earlier.phone", "person.name"),
        ["grid/forms/repair.yaml:11:20 form.prefill-unknown"],
    ),
    (
        "prefill of no unit",
        item(FORM, "earlier.phone", "legal_entity.phone"),
        ["grid/forms/repair.yaml:11:20 form.prefill-unknown"],
    ),
    (
        "prefill mine without an owner",
        item(FORM, "  words: {widget", "  compound: {prefill: mine}\n  words: {widget"),
        ["grid/forms/repair.yaml:8:23 form.prefill-unknown"],
    ),
    (
        "prefill that lowers the level",
        item(FORM, "earlier.phone}", "earlier.phone}\n  salutation: {prefill: person.name}"),
        ["grid/forms/repair.yaml:12:25 form.prefill-level"],
    ),
    (
        "prefill of another kind from a licence",
        item(FORM, "earlier.phone", "licence.paper.valid_to"),
        ["grid/forms/repair.yaml:11:20 form.prefill-unknown"],
    ),
    (
        "prefill from a licence that lowers the level",
        {
            **item(FORM, "earlier.phone}", "earlier.phone}\n  salutation: {prefill: licence.paper.number}"),
            ENTITY: ITEMS[ENTITY].replace("title: 称呼,", "title: 称呼, level: L1,"),
        },
        ["grid/forms/repair.yaml:12:25 form.prefill-level"],
    ),
    # service items
    (
        "item in a file of another name",
        item(SERVICE, "service: repair\n", "service: mend\n"),
        ["grid/services/repair.yaml:1:10 service.name-file"],
    ),
    (
        "item of no entity",
        item(
            SERVICE,
            "effective_from: 2026-01-01\n    entity: repair_order",
            "effective_from: 2026-01-01\n    entity: repair_oder",
        ),
        ["grid/services/repair.yaml:6:13 entity.unknown"],
    ),
    (
        "day that never comes",
        item(SERVICE, "2026-01-01", "2026-02-30"),
        ["grid/services/repair.yaml:5:21 service.day-unreal"],
    ),
    (
        "number used twice",
        item(SERVICE, "version: 2\n", "version: 1\n"),
        ["grid/services/repair.yaml:4:5 service.version-order", "grid/services/repair.yaml:34:5 service.version-order"],
    ),
    (
        "later with the smaller number",
        item(SERVICE, "effective_from: 2027-01-01", "effective_from: 2025-01-01"),
        ["grid/services/repair.yaml:4:5 service.version-order"],
    ),
    (
        "one day, two versions",
        item(SERVICE, "effective_from: 2027-01-01", "effective_from: 2026-01-01"),
        ["grid/services/repair.yaml:34:5 service.version-overlap"],
    ),
    (
        "overlap",
        item(SERVICE, "effective_from: 2026-01-01\n", "effective_from: 2026-01-01\n    effective_to: 2027-01-01\n"),
        ["grid/services/repair.yaml:35:5 service.version-overlap"],
    ),
    (
        "ends before it begins",
        item(SERVICE, "effective_from: 2026-01-01\n", "effective_from: 2026-01-01\n    effective_to: 2025-01-01\n"),
        ["grid/services/repair.yaml:4:5 service.version-overlap", "grid/services/repair.yaml:35:5 service.version-gap"],
    ),
    (
        "gap",
        item(SERVICE, "effective_from: 2026-01-01\n", "effective_from: 2026-01-01\n    effective_to: 2026-12-30\n"),
        ["grid/services/repair.yaml:35:5 service.version-gap"],
    ),
    (
        "no number",
        item(ENTITY, "case: case_no\n", ""),
        [
            "grid/services/repair.yaml:6:13 service.case-field-missing",
            "grid/services/repair.yaml:36:13 service.case-field-missing",
        ],
    ),
    (
        "number of another application",
        item(ENTITY, '"TS{division', '"XX{division'),
        ["grid/services/repair.yaml:6:13 service.case-prefix", "grid/services/repair.yaml:36:13 service.case-prefix"],
    ),
    (
        "no such form",
        item(SERVICE, "    form: repair\n    task_code", "    form: repare\n    task_code"),
        ["grid/services/repair.yaml:8:11 service.form-unknown"],
    ),
    (
        "form of another entity",
        item(SERVICE, "2027-01-01\n    entity: repair_order", "2027-01-01\n    entity: house"),
        [
            "grid/services/repair.yaml:36:13 service.case-field-missing",
            "grid/services/repair.yaml:37:15 service.workflow-entity",
            "grid/services/repair.yaml:38:11 service.form-entity",
        ],
    ),
    (
        "no such workflow",
        item(
            SERVICE,
            "    workflow: repair\n    form: repair\n    task_code",
            "    workflow: repare\n    form: repair\n    task_code",
        ),
        ["grid/services/repair.yaml:7:15 service.workflow-unknown"],
    ),
    (
        "clock from nowhere",
        item(SERVICE, "clock_from: close", "clock_from: clse"),
        ["grid/services/repair.yaml:19:17 service.clock-from"],
    ),
    (
        "promise longer than the law",
        item(SERVICE, "promise: {value: 3, unit: WD}", "promise: {value: 21, unit: WD}"),
        ["grid/services/repair.yaml:11:14 service.promise-longer"],
    ),
    (
        "years and months",
        item(
            SERVICE,
            "promise: {value: 3, unit: WD}\n    legal: {value: 20, unit: WD,",
            "promise: {value: 13, unit: MON}\n    legal: {value: 1, unit: Y,",
        ),
        ["grid/services/repair.yaml:11:14 service.promise-longer"],
    ),
    (
        "code of nobody",
        item(SERVICE, "task_code: 1164052201TEA0063E", "task_code: 1164052201TEA0064E"),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "level of nobody",
        item(SERVICE, "0063E40020", "0063E90020"),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "no such type of item",
        item(SERVICE, "0063E40020", "0063E40099"),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "type and code differ",
        item(SERVICE, 'task_type: "20"', 'task_type: "07"'),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "catalog code differs",
        item(SERVICE, 'task_type: "20"', 'catalog_code: "002000000002"'),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "catalog code alone",
        item(SERVICE, "    channels: [app]\n", '    channels: [app]\n    elements: {catalog_code: "009900000001"}\n'),
        ["grid/services/repair.yaml:42:30 service.task-code"],
    ),
    (
        "acting body differs",
        item(SERVICE, 'task_type: "20"', "dept_code: 11150621MB1688871X"),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "handled item differs",
        item(SERVICE, 'task_type: "20"', "task_handle_item_code: 1164052201TEA0063E400200000000201"),
        ["grid/services/repair.yaml:9:16 service.task-code"],
    ),
    (
        "condition that is a number",
        item(SERVICE, "house == null || house.owner == me.person", "floor"),
        ["grid/services/repair.yaml:22:16 expr.not-bool"],
    ),
    (
        "condition on a sealed value",
        item(SERVICE, "house == null || house.owner == me.person", 'reporter.name == "马"'),
        ["grid/services/repair.yaml:22:16 expr.sealed"],
    ),
    (
        "two materials of one name",
        item(SERVICE, "{id: deed", "{id: photo"),
        ["grid/services/repair.yaml:25:9 service.material-twice"],
    ),
    (
        "material into a text",
        item(SERVICE, "file_field: photo", "file_field: words"),
        ["grid/services/repair.yaml:24:46 service.material-field"],
    ),
    (
        "material nowhere",
        item(SERVICE, "licence: real_estate, ", ""),
        ["grid/services/repair.yaml:25:9 service.material-nowhere"],
    ),
    (
        "line with a hole",
        item(SERVICE, "{category}报修", "{categry}报修"),
        ["grid/services/repair.yaml:20:14 service.summary-field"],
    ),
    (
        "line with a phone",
        item(SERVICE, "{category}报修", "{phone}报修"),
        ["grid/services/repair.yaml:20:14 service.summary-level"],
    ),
    (
        "promised and at once",
        item(SERVICE, "project_type: 承诺件", "project_type: 即办件"),
        ["grid/services/repair.yaml:10:19 service.lint-promise"],
    ),
    (
        "nothing promised",
        item(SERVICE, "    promise: {value: 3, unit: WD}\n", ""),
        ["grid/services/repair.yaml:10:19 service.lint-promise"],
    ),
    (
        "decided in the other way",
        item(SERVICE, 'task_type: "20"', "approve_type: 即审即办"),
        ["grid/services/repair.yaml:29:21 service.lint-promise"],
    ),
    (
        "certificate finished by paper",
        item(SERVICE, "result_name: 维修回执批文", "result_name: 居住证"),
        ["grid/services/repair.yaml:32:20 service.lint-result"],
    ),
    (
        "on site without a reason",
        item(SERVICE, "on_site_times: 0", "on_site_times: 1"),
        ["grid/services/repair.yaml:18:20 service.lint-on-site"],
    ),
    (
        "a reason to stay at home",
        item(SERVICE, 'task_type: "20"', "limit_scene_explain: 核对原件"),
        ["grid/services/repair.yaml:18:20 service.lint-on-site"],
    ),
    ("all online and on site", _ONLINE, ["grid/services/repair.yaml:29:28 service.lint-depth"]),
    (
        "no way to apply",
        item(SERVICE, "    channels: [app]\n", "    channels: [window]\n"),
        ["grid/services/repair.yaml:41:15 service.lint-post"],
    ),
    (
        "fee without a basis",
        item(SERVICE, "by_law: 价目表, ", ""),
        ["grid/services/repair.yaml:26:10 service.lint-fee"],
    ),
    (
        "fee without a way to pay",
        item(SERVICE, "      is_pay_online: true\n", ""),
        ["grid/services/repair.yaml:26:10 service.lint-fee"],
    ),
    (
        "without a form, and citizens may not fill in enough",
        _NO_FORM,
        ["grid/services/repair.yaml:4:5 service.form-closed", "grid/services/repair.yaml:33:5 service.form-closed"],
    ),
]
