"""Bad workflows, dispatch tables, messages, documents and indicators, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.flows import DISPATCH, WORKFLOW, flow

CASES: list[Case] = [
    (
        "a workflow in a file of another name",
        flow(WORKFLOW, "workflow: repair\n", "workflow: mend\n"),
        ["grid/workflows/repair.yaml:1:11 workflow.name-file"],
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
]
