"""Bad workflows: their states, their actions, their graphs, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.flows import CLEANING, WORKFLOW, flow

CASES: list[Case] = [
    (
        "a workflow in a file of another name",
        flow(WORKFLOW, "workflow: repair\n", "workflow: mend\n"),
        ["grid/workflows/repair.yaml:1:11 workflow.name-file"],
    ),
    (
        "a workflow over nothing",
        flow(WORKFLOW, "entity: repair_order\n", "entity: repair_ordr\n"),
        ["grid/workflows/repair.yaml:4:9 entity.unknown"],
    ),
    (
        "an unknown start",
        flow(WORKFLOW, "start: submitted\n", "start: sumbitted\n"),
        ["grid/workflows/repair.yaml:6:8 workflow.name-unknown"],
    ),
    (
        "a step to nowhere",
        flow(WORKFLOW, "to: joint\n", "to: jiont\n"),
        ["grid/workflows/repair.yaml:67:9 workflow.name-unknown"],
    ),
    (
        "an automatic step nobody knows",
        flow(WORKFLOW, "auto: [{action: settle}]", "auto: [{action: settel}]"),
        ["grid/workflows/repair.yaml:42:21 workflow.name-unknown"],
    ),
    (
        "a state that does not fit, and names that are good",
        flow(WORKFLOW, "refused: {title: 不予办理,", "refused: {"),
        ["grid/workflows/repair.yaml:46:12 manifest.key-missing"],
    ),
    (
        "an unknown role",
        flow(
            WORKFLOW,
            "arbitration: {title: 裁定, roles: [duty_leader]}",
            "arbitration: {title: 裁定, roles: [duty_leadr]}",
        ),
        ["grid/workflows/repair.yaml:43:36 role.unknown"],
    ),
    (
        "work for citizens",
        flow(WORKFLOW, "checking: {title: 待验收, roles: [grid_worker]", "checking: {title: 待验收, roles: [resident]"),
        ["grid/workflows/repair.yaml:44:34 role.not-staff"],
    ),
    (
        "any resident as the applicant",
        flow(WORKFLOW, "to: withdrawn, roles: [applicant]", "to: withdrawn, roles: [resident]"),
        ["grid/workflows/repair.yaml:61:79 role.not-staff"],
    ),
    (
        "a start that ends",
        flow(WORKFLOW, "start: submitted\n", "start: refused\n"),
        ["grid/workflows/repair.yaml:6:8 workflow.start-end"],
    ),
    (
        "an end with work",
        flow(WORKFLOW, "closed: {title: 已办结, end: done}", "closed: {title: 已办结, end: done, roles: [dispatcher]}"),
        ["grid/workflows/repair.yaml:45:35 workflow.end-busy"],
    ),
    (
        "no end that is done",
        flow(WORKFLOW, "closed: {title: 已办结, end: done}", "closed: {title: 已办结, end: refused}"),
        ["grid/workflows/repair.yaml:19:1 workflow.end-missing"],
    ),
    (
        "a table without dispatch",
        flow(
            WORKFLOW,
            "assigned: {title: 已派, assign: dispatch, dispatch: repair,",
            "assigned: {title: 已派, roles: [property_staff], dispatch: repair,",
        ),
        ["grid/workflows/repair.yaml:27:3 workflow.assign"],
    ),
    (
        "dispatch without a table",
        flow(
            WORKFLOW,
            "assigned: {title: 已派, assign: dispatch, dispatch: repair,",
            "assigned: {title: 已派, assign: dispatch, roles: [property_staff],",
        ),
        ["grid/workflows/repair.yaml:27:3 workflow.assign"],
    ),
    (
        "an owner of no role",
        flow(WORKFLOW, "assign: owner, roles: [property_staff]", "assign: owner, roles: []"),
        ["grid/workflows/repair.yaml:28:3 workflow.assign"],
    ),
    (
        "the applicant's work for others",
        flow(
            WORKFLOW,
            "assign: applicant, pause: correction",
            "assign: applicant, roles: [dispatcher], pause: correction",
        ),
        ["grid/workflows/repair.yaml:29:3 workflow.assign"],
    ),
    (
        "an unknown table",
        flow(WORKFLOW, "assign: dispatch, dispatch: repair,", "assign: dispatch, dispatch: repiar,"),
        ["grid/workflows/repair.yaml:27:53 workflow.dispatch-unknown"],
    ),
    (
        "a table of other rows",
        flow(CLEANING, "roles: [property_staff],", "assign: dispatch, dispatch: repair,"),
        ["grid/workflows/cleaning.yaml:9:50 workflow.dispatch-unknown"],
    ),
    (
        "more than there are",
        flow(WORKFLOW, "quorum: 1\n", "quorum: 3\n"),
        ["grid/workflows/repair.yaml:36:13 workflow.parts"],
    ),
    (
        "a number without a quorum",
        flow(WORKFLOW, "    join: quorum\n", ""),
        ["grid/workflows/repair.yaml:31:5 workflow.parts"],
    ),
    (
        "a quorum of nothing",
        flow(
            WORKFLOW,
            (
                "    parts:\n"
                "      - {id: visit, title: 上门核实, roles: [grid_worker]}\n"
                "      - {id: unit, title: 单位会签, roles: [unit_head], dispatch: repair}\n"
            ),
            "    roles: [unit_head]\n",
        ),
        ["grid/workflows/repair.yaml:33:5 workflow.parts"],
    ),
    (
        "a vote nobody can be against",
        flow(WORKFLOW, "join: quorum\n    quorum: 1\n", "join: vote\n"),
        ["grid/workflows/repair.yaml:35:5 workflow.vote"],
    ),
    (
        "a part nobody does, and one twice",
        flow(
            WORKFLOW,
            "{id: unit, title: 单位会签, roles: [unit_head], dispatch: repair}",
            "{id: visit, title: 单位会签, roles: []}",
        ),
        ["grid/workflows/repair.yaml:34:9 workflow.parts", "grid/workflows/repair.yaml:34:14 workflow.parts"],
    ),
    (
        "a due date without a limit",
        flow(WORKFLOW, "roles: [grid_worker], within: {value: 3, unit: D}, on_due", "roles: [grid_worker], on_due"),
        ["grid/workflows/repair.yaml:44:56 workflow.on-due-limit"],
    ),
    (
        "an undeclared pause",
        flow(WORKFLOW, "pause: correction}", "pause: corection}"),
        ["grid/workflows/repair.yaml:29:53 workflow.pause-unknown"],
    ),
    (
        "an automatic step of people",
        flow(WORKFLOW, "to: checking, roles: [system]", "to: checking, roles: [dispatcher]"),
        ["grid/workflows/repair.yaml:42:21 workflow.auto-action"],
    ),
    (
        "an automatic step from elsewhere",
        flow(
            WORKFLOW,
            "auto: [{action: settle}]",
            "auto: [{action: settle}]\n    within: {value: 1, unit: D}\n    on_due: accept",
        ),
        ["grid/workflows/repair.yaml:44:13 workflow.auto-action"],
    ),
    (
        "otherwise comes last",
        flow(
            WORKFLOW,
            'auto: [{when: category == "gas", action: route}]',
            'auto: [{action: route}, {when: category == "gas", action: route}]',
        ),
        ["grid/workflows/repair.yaml:26:12 workflow.auto-order"],
    ),
    (
        "conditions that may all fail",
        flow(WORKFLOW, "auto: [{action: settle}]", "auto: [{when: cost != null, action: settle}]"),
        ["grid/workflows/repair.yaml:42:5 workflow.auto-stranded"],
    ),
    (
        "an unreachable state",
        flow(WORKFLOW, "to: supplement, roles", "to: working, roles"),
        ["grid/workflows/repair.yaml:29:3 workflow.unreachable"],
    ),
    (
        "a circle of automatic steps without a way out",
        flow(
            WORKFLOW,
            "settle: {title: 善后完成, from: [bundle], to: checking",
            "settle: {title: 善后完成, from: [bundle], to: bundle",
        ),
        [
            "grid/workflows/repair.yaml:37:3 workflow.no-way-out",
            "grid/workflows/repair.yaml:42:5 workflow.auto-cycle",
            "grid/workflows/repair.yaml:44:3 workflow.unreachable",
        ],
    ),
    (
        "a way out by withdrawing",
        flow(
            WORKFLOW,
            "supply: {title: 补正, from: [supplement], to: working",
            "supply: {title: 补正, from: [working], to: working",
        ),
        ["grid/workflows/repair.yaml:29:3 workflow.no-way-out"],
    ),
    (
        "steps from an end",
        flow(WORKFLOW, "roles: [applicant], kind: reopen", "roles: [applicant]"),
        ["grid/workflows/repair.yaml:87:30 workflow.end-leaves"],
    ),
    (
        "a step nobody takes",
        flow(
            WORKFLOW,
            "sign: {title: 会签, from: [joint], to: bundle",
            "sign: {title: 会签, from: [joint, supplement], to: bundle",
        ),
        ["grid/workflows/repair.yaml:80:35 workflow.action-idle"],
    ),
    (
        "approved by whom before",
        flow(CLEANING, "roles: [assignee]}", "roles: [assignee], self_approve: false}"),
        ["grid/workflows/cleaning.yaml:12:65 workflow.self-approve"],
    ),
    (
        "a guard without words",
        flow(WORKFLOW, "    guard_message: 请由接单的维修工完工\n", ""),
        ["grid/workflows/repair.yaml:69:5 workflow.guard-message"],
    ),
    (
        "a guard with a fault",
        flow(WORKFLOW, "guard: worker == me.staff || worker == null", "guard: worker = me.staff"),
        ["grid/workflows/repair.yaml:69:12 expr.invalid"],
    ),
    (
        "an extension by nothing",
        flow(WORKFLOW, "by: {value: 1, unit: WD}, ", ""),
        ["grid/workflows/repair.yaml:63:59 workflow.extend-by"],
    ),
    (
        "an extension that is none",
        flow(WORKFLOW, "kind: extend, by", "by"),
        ["grid/workflows/repair.yaml:63:59 workflow.extend-by"],
    ),
    (
        "a suspension without an approver",
        flow(WORKFLOW, "pause_approver: unit_head\n", ""),
        ["grid/workflows/repair.yaml:61:66 workflow.suspend"],
    ),
    (
        "a return without a limit",
        flow(WORKFLOW, "kind: return,\n    times_max: 1, over: arbitration}", "kind: return}"),
        ["grid/workflows/repair.yaml:57:3 workflow.over-missing"],
    ),
    (
        "an arbiter who cannot rule",
        flow(WORKFLOW, "arbiter: duty_leader\n", "arbiter: unit_head\n"),
        [
            "grid/workflows/repair.yaml:58:25 workflow.over-arbiter",
            "grid/workflows/repair.yaml:84:25 workflow.over-arbiter",
        ],
    ),
    (
        "an approver nobody knows",
        flow(WORKFLOW, "pause_approver: unit_head\n", "pause_approver: unit_heed\n"),
        ["grid/workflows/repair.yaml:9:17 role.unknown"],
    ),
    (
        "an escalation that falls",
        flow(WORKFLOW, "{at_percent: 100, to: duty_leader}", "{at_percent: 60, to: duty_leader}"),
        ["grid/workflows/repair.yaml:12:18 workflow.escalation-order"],
    ),
    (
        "an escalation to nobody",
        flow(WORKFLOW, "{at_percent: 200, to: supervision}", "{at_percent: 200, to: supervison}"),
        ["grid/workflows/repair.yaml:13:27 role.unknown"],
    ),
    (
        "a rectification of a month",
        flow(WORKFLOW, "rectification: {value: 5, unit: WD}", "rectification: {value: 16, unit: WD}"),
        ["grid/workflows/repair.yaml:18:24 manifest.out-of-range"],
    ),
    (
        "a rectification in days",
        flow(WORKFLOW, "rectification: {value: 5, unit: WD}", "rectification: {value: 5, unit: D}"),
        ["grid/workflows/repair.yaml:18:33 manifest.not-allowed"],
    ),
    (
        "a limit without a unit",
        flow(WORKFLOW, "within: {value: 3, unit: D}", "within: {value: 3}"),
        ["grid/workflows/repair.yaml:44:56 manifest.key-missing"],
    ),
]
