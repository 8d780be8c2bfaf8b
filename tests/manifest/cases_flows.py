"""Bad effects, dispatch tables, messages, documents and indicators, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.flows import (
    ACCESS,
    CLEANING,
    DISPATCH,
    DOCUMENTS,
    ENTITY,
    FLOWS,
    INDICATORS,
    MESSAGES,
    PLUGIN,
    WORKFLOW,
    flow,
)

#: One more of each, by a name that is taken.
AGAIN = {
    "messages": "messages:\n  done: {title: 又, text: 又, to: applicant}\n",
    "documents": "documents:\n  receipt: {title: 又, entity: repair_order, paragraphs: [又], licence: x}\n",
    "indicators": (
        "indicators:\n  cost: {title: 又, over: cases, measure: count, unit: 件, good: up, cycle: day, public: true}\n"
    ),
}

CASES: list[Case] = [
    (
        "a field that is not there",
        flow(WORKFLOW, "fields: [finished_at, cost, photo]", "fields: [finished_at, cots, photo]"),
        ["grid/workflows/repair.yaml:71:27 workflow.field-unknown"],
    ),
    (
        "a field the host writes",
        flow(WORKFLOW, "fields: [finished_at, cost, photo]", "fields: [case_no, state, photo]"),
        [
            "grid/workflows/repair.yaml:71:14 workflow.field-unwritable",
            "grid/workflows/repair.yaml:71:23 workflow.field-unwritable",
        ],
    ),
    (
        "a field that is required and not asked",
        flow(WORKFLOW, "required: [photo]", "required: [words]"),
        ["grid/workflows/repair.yaml:72:16 workflow.required-outside"],
    ),
    (
        "a field no rule opens",
        flow(WORKFLOW, "fields: [words], required: [words]", "fields: [location]"),
        ["grid/workflows/repair.yaml:60:84 workflow.field-closed"],
    ),
    (
        "a field dispatched people may not write",
        flow(ACCESS, "fields: [finished_at, cost, photo]}\n", "fields: [finished_at, cost]}\n"),
        ["grid/workflows/repair.yaml:71:13 workflow.field-closed"],
    ),
    (
        "what the host may not write",
        flow(ACCESS, "repair_order, can: [update]}", "repair_order, can: [update], fields: [state]}"),
        ["grid/workflows/repair.yaml:77:23 workflow.service-closed"],
    ),
    (
        "a state the host may not write",
        flow(ACCESS, "fields: [step]", "fields: [about]"),
        ["grid/workflows/cleaning.yaml:5:9 workflow.service-closed"],
    ),
    (
        "a mirror that lacks a state",
        flow(ENTITY, "bundle: 善后,\n", "\n"),
        ["grid/workflows/repair.yaml:5:9 workflow.mirror"],
    ),
    (
        "a mirror that is money",
        flow(WORKFLOW, "mirror: state\n", "mirror: worker\n"),
        ["grid/workflows/repair.yaml:5:9 workflow.mirror"],
    ),
    (
        "reports that have nothing in common",
        flow(WORKFLOW, "same: category, point: location", "same: words, point: grid"),
        [
            "grid/workflows/repair.yaml:7:43 workflow.merge-field",
            "grid/workflows/repair.yaml:7:57 workflow.merge-field",
        ],
    ),
    (
        "an effect of two kinds",
        flow(WORKFLOW, "- {event: repair.finished}", "- {event: repair.finished, hook: price}"),
        ["grid/workflows/repair.yaml:75:9 workflow.effect-kind"],
    ),
    (
        "an effect of no kind",
        flow(WORKFLOW, "- {event: repair.finished}", "- {when: cost == null}"),
        ["grid/workflows/repair.yaml:75:9 workflow.effect-kind"],
    ),
    (
        "an unknown message",
        flow(WORKFLOW, "{message: assigned}", "{message: asigned}"),
        ["grid/workflows/repair.yaml:55:25 workflow.template-unknown"],
    ),
    (
        "an unknown document",
        flow(WORKFLOW, "{document: receipt}", "{document: core.receipt}"),
        ["grid/workflows/repair.yaml:78:20 workflow.template-unknown"],
    ),
    (
        "a paper about other rows",
        flow(CLEANING, "roles: [assignee]}", "roles: [assignee], effects: [{document: receipt}]}"),
        ["grid/workflows/cleaning.yaml:12:86 workflow.document-entity"],
    ),
    (
        "a hook without code",
        flow(PLUGIN, 'entry: "plugins.grid.plugin:Plugin"\n', ""),
        ["grid/workflows/repair.yaml:76:16 workflow.hook-entry"],
    ),
    (
        "a value of another type",
        flow(WORKFLOW, "value: now()", "value: \"'今天'\""),
        ["grid/workflows/repair.yaml:77:43 workflow.value-type"],
    ),
    (
        "a sealed value copied",
        flow(WORKFLOW, "{set: {field: finished_at, value: now()}}", "{set: {field: words, value: words}}"),
        ["grid/workflows/repair.yaml:77:37 expr.sealed"],
    ),
    (
        "a state that is none of them",
        flow(WORKFLOW, "{set: {field: finished_at, value: now()}}", "{set: {field: category, value: \"'wter'\"}}"),
        ["grid/workflows/repair.yaml:77:40 workflow.value-type"],
    ),
    (
        "a service of nobody",
        flow(WORKFLOW, "{open: {service: clean,", "{open: {service: claen,"),
        ["grid/workflows/repair.yaml:79:16 workflow.service-unknown"],
    ),
    (
        "a service of a plugin that is not here",
        flow(WORKFLOW, "service: grid.clean", "service: police.clean"),
        ["grid/workflows/repair.yaml:41:9 workflow.service-absent"],
    ),
    (
        "values of no field and of another type",
        flow(
            WORKFLOW,
            'values: {compound: compound, about: "category", level: "\'light\'"}',
            'values: {compound: worker, abuot: "category", level: "\'lihgt\'"}',
        ),
        [
            "grid/workflows/repair.yaml:40:9 workflow.child-value",
            "grid/workflows/repair.yaml:40:9 workflow.child-value",
        ],
    ),
    (
        "a sealed value that would lie open in the child",
        flow(WORKFLOW, 'values: {compound: compound, about: "category"', "values: {compound: compound, about: words"),
        ["grid/workflows/repair.yaml:40:9 workflow.child-value"],
    ),
    (
        "children that wait for each other",
        flow(WORKFLOW, "{id: clean, service: clean, values", "{id: clean, service: clean, after: [again], values"),
        ["grid/workflows/repair.yaml:41:49 workflow.child-cycle"],
    ),
    (
        "a child that waits for nobody, and one twice",
        flow(
            WORKFLOW,
            "{id: again, service: grid.clean, after: [clean]",
            "{id: clean, service: grid.clean, after: [claen]",
        ),
        [
            "grid/workflows/repair.yaml:41:14 workflow.child-twice",
            "grid/workflows/repair.yaml:41:50 workflow.child-after",
        ],
    ),
    (
        "a condition over sealed words",
        flow(WORKFLOW, "when: finished_at != null", 'when: words != ""'),
        ["grid/workflows/repair.yaml:15:12 expr.sealed"],
    ),
    (
        "a table in a file of another name",
        flow(DISPATCH, "dispatch: repair\n", "dispatch: mend\n"),
        ["grid/dispatch/repair.yaml:1:11 dispatch.name-file"],
    ),
    (
        "a condition that is a number",
        flow(DISPATCH, "when: grid != null", "when: version + 1"),
        ["grid/dispatch/repair.yaml:10:12 expr.not-bool"],
    ),
    (
        "a condition about nobody",
        flow(DISPATCH, "when: grid != null", "when: worker == me.staff"),
        ["grid/dispatch/repair.yaml:10:12 expr.caller"],
    ),
    (
        "paths that lead elsewhere",
        flow(DISPATCH, "grid: grid}}", "org: worker, grid: compound, staff: compound.property_org}}"),
        [
            "grid/dispatch/repair.yaml:10:55 dispatch.path",
            "grid/dispatch/repair.yaml:10:69 dispatch.path",
            "grid/dispatch/repair.yaml:10:86 dispatch.path",
        ],
    ),
    (
        "dispatched to citizens",
        flow(DISPATCH, "  - {role: dispatcher}", "  - {role: resident}"),
        ["grid/dispatch/repair.yaml:14:12 role.not-staff"],
    ),
    (
        "a fact of nobody",
        flow(MESSAGES, "您的{item}", "{reporter}的{item}"),
        ["grid/messages.yaml:5:11 message.placeholder"],
    ),
    ("an open brace", flow(MESSAGES, "您的{item}", "您的{{item}"), ["grid/messages.yaml:5:11 message.placeholder"]),
    (
        "must reach by one way",
        flow(MESSAGES, "channels: [inbox, sms, phone]", "channels: [sms]"),
        ["grid/messages.yaml:8:24 message.must-reach"],
    ),
    ("a message to nobody", flow(MESSAGES, "to: assignee", "to: asignee"), ["grid/messages.yaml:2:70 role.unknown"]),
    (
        "a paper with words that are not there",
        flow(DOCUMENTS, "{finished_at}", "{finished_on}"),
        ["grid/documents.yaml:6:9 document.placeholder"],
    ),
    (
        "a paper with a picture and an open brace",
        flow(DOCUMENTS, "{unit}，", "{photo}{，"),
        ["grid/documents.yaml:7:9 document.placeholder", "grid/documents.yaml:7:9 document.placeholder"],
    ),
    (
        "a paper that says too much",
        flow(PLUGIN, "data_level_max: L3", "data_level_max: L2"),
        [
            "grid/documents.yaml:6:9 document.level",
            "grid/entities/repair_order.yaml:10:41 entity.level-too-high",
            "grid/entities/repair_order.yaml:11:45 entity.level-too-high",
            "grid/entities/repair_order.yaml:21:41 entity.level-too-high",
            "grid/entities/repair_order.yaml:22:41 entity.level-too-high",
        ],
    ),
    (
        "a paper in a field of text",
        flow(DOCUMENTS, "file_field: paper", "file_field: words"),
        ["grid/documents.yaml:8:17 document.file-field"],
    ),
    (
        "a paper that is kept nowhere",
        flow(DOCUMENTS, "    file_field: paper\n    licence: repair_receipt\n", ""),
        ["grid/documents.yaml:2:3 document.kept-nowhere"],
    ),
    ("a share of what", flow(INDICATORS, "    of: is_on_time\n", ""), ["grid/indicators.yaml:5:14 indicator.measure"]),
    (
        "a count of a number",
        flow(INDICATORS, "measure: count", "measure: count, number_field: cost"),
        ["grid/indicators.yaml:18:74 indicator.measure"],
    ),
    (
        "an alarm for nobody",
        flow(INDICATORS, "    alarm_to: unit_head\n", ""),
        ["grid/indicators.yaml:13:15 indicator.alarm"],
    ),
    (
        "an alarm above the target",
        flow(INDICATORS, "alarm_at: 80", "alarm_at: 99"),
        ["grid/indicators.yaml:13:15 indicator.alarm"],
    ),
    (
        "an average of words",
        flow(INDICATORS, "number_field: cost", "number_field: words"),
        ["grid/indicators.yaml:20:71 indicator.number"],
    ),
    (
        "a statistic of persons",
        flow(INDICATORS, "group_by: category", "group_by: reporter"),
        ["grid/indicators.yaml:18:70 indicator.group"],
    ),
    (
        "a statistic by place",
        flow(INDICATORS, "group_by: category", "group_by: location"),
        ["grid/indicators.yaml:18:70 indicator.group"],
    ),
    (
        "an alarm after nothing",
        flow(INDICATORS, "    alarm_at: 80\n    alarm_to: unit_head\n", ""),
        ["grid/indicators.yaml:14:18 indicator.alarm"],
    ),
    (
        "a time that is none",
        flow(INDICATORS, "group_by: category", "group_by: category, time_field: words"),
        ["grid/indicators.yaml:18:92 indicator.time"],
    ),
    (
        "a time for how things stand",
        flow(INDICATORS, "group_by: category", "kind: moment, time_field: created_at"),
        ["grid/indicators.yaml:18:86 indicator.time"],
    ),
    (
        "an indicator nobody sees",
        flow(INDICATORS, "cycle: day,\n    readers: [unit_head]", "cycle: day"),
        ["grid/indicators.yaml:18:3 indicator.readers"],
    ),
    (
        "a reader who is no staff",
        flow(INDICATORS, "cycle: day,\n    readers: [unit_head]", "cycle: day,\n    readers: [resident]"),
        ["grid/indicators.yaml:19:15 role.not-staff"],
    ),
    (
        "a statistic of what people wrote",
        flow(INDICATORS, "group_by: category", "group_by: words"),
        ["grid/indicators.yaml:18:70 indicator.group"],
    ),
    (
        "a field a record has not",
        flow(INDICATORS, "where: closed_at != null", "where: created_at != null"),
        ["grid/indicators.yaml:6:12 indicator.field"],
    ),
    (
        "messages of one name",
        {**FLOWS, "grid/messages/again.yaml": AGAIN["messages"]},
        ["grid/messages/again.yaml:2:3 message.duplicate"],
    ),
    (
        "documents of one name",
        {**FLOWS, "grid/documents/again.yaml": AGAIN["documents"]},
        ["grid/documents/again.yaml:2:3 document.duplicate"],
    ),
    (
        "indicators of one name",
        {**FLOWS, "grid/indicators/again.yaml": AGAIN["indicators"]},
        ["grid/indicators/again.yaml:2:3 indicator.duplicate"],
    ),
    # what is broken is told once, and nobody misses what it declares
    (
        "messages that cannot be read",
        {**FLOWS, MESSAGES: "messages: 5\n"},
        ["grid/messages.yaml:1:11 manifest.wrong-type"],
    ),
    (
        "documents that cannot be read",
        {**FLOWS, DOCUMENTS: "documents: 5\n"},
        ["grid/documents.yaml:1:12 manifest.wrong-type"],
    ),
    (
        "a table that cannot be read",
        flow(DISPATCH, "title: 报修派单\n", ""),
        ["grid/dispatch/repair.yaml:1:1 manifest.key-missing"],
    ),
    (
        "an entity that cannot be read",
        flow(ENTITY, "title: 报修单\n", ""),
        ["grid/entities/repair_order.yaml:1:1 manifest.key-missing"],
    ),
    (
        "a field that cannot be read",
        flow(ENTITY, "compound: {type: ref,", "compound: {type: rf,"),
        ["grid/entities/repair_order.yaml:7:20 manifest.not-allowed"],
    ),
    (
        "rules that cannot be read",
        {**FLOWS, ACCESS: "rules: 5\n"},
        ["grid/access.yaml:1:8 manifest.wrong-type"],
    ),
]
