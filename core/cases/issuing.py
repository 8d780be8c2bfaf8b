"""The effect `document`: a step writes out a certificate of the case's row, printed after the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tongban_sdk.errors import ConflictError

from core.cases.effects import Run
from core.cases.step import Step
from core.documents import Documents, Order
from core.store.database import Transaction


def document_effect(documents: Documents) -> Run:
    async def issue(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
        plugin_id, _, name = str(args["template"]).partition(".")
        plugin, case = step.live.world.plugins.get(plugin_id), step.case
        template = plugin.documents.get(name) if plugin else None
        if template is None:
            raise ConflictError(f"文书模板 {args['template']} 已经没有了，这一步没有办", hint="请联系系统管理员")
        order = Order(template, await step.read_row(), case.number, case.division, case.applicant, case.legal_entity)
        await documents.issue(tx, step.actor, order, step.now)

    return issue
