"""workflows/<name>.yaml: how a case goes on."""

from __future__ import annotations

from collections.abc import Sequence

from core.manifest.bundle_checks import check_children, check_opened
from core.manifest.cases import Workflow
from core.manifest.definitions import document_value
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.effect_checks import check_effects
from core.manifest.expressions import Checked
from core.manifest.flows import workflow_of
from core.manifest.sections import Section
from core.manifest.sheet import Sheet
from core.manifest.workflow_checks import check_flow


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Workflow]:
    return {found.id: found for document in documents if (found := _workflow(document, draft))}


def _workflow(document: Document, draft: Draft) -> Workflow | None:
    value = document_value(document, "states", "actions")
    if value["workflow"] != document.stem:
        message = f"流程 {value['workflow']} 与文件名 {document.stem} 不同"
        draft.error("workflow.name-file", document.place("workflow"), message, "改成相同的名字")
        draft.break_(document)
        return None
    entity = draft.entity(value["entity"], document.place("entity"))
    at = Checked(document, entity, draft)
    workflow = workflow_of(value, draft.plugin.id, at)
    sheet = Sheet(workflow, entity, at)
    check_flow(sheet)
    check_effects(sheet)
    for state in workflow.states.values():
        check_children(state, sheet)
    return workflow


SECTION = Section(
    "workflows",
    ("workflows/*.yaml",),
    "workflow.schema.json",
    build,
    units=("states", "actions"),
    after=("plugin", "entities", "access", "dispatch", "messages", "documents", "fees", "bookings", "connectors"),
    check=check_opened,
)
