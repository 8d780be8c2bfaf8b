"""What a state of a workflow must hold: somebody's work, or an end."""

from __future__ import annotations

from core.manifest.cases import ASSIGNEE, SYSTEM_ROLE, State, Workflow
from core.manifest.findings import did_you_mean, shown
from core.manifest.flow_checks import takers
from core.manifest.sheet import Sheet


def check_state(state: State, sheet: Sheet) -> None:
    path = ("states", state.id)
    for i, role in enumerate(state.roles):
        sheet.role(role, sheet.place(*path, "roles", i))
    if state.end:
        _check_end(state, sheet)
        return
    _check_assign(state, sheet)
    _check_parts(state, sheet)
    _check_auto(state, sheet)
    if state.on_due and state.within is None:
        message = f"{state.title} 写了 on_due，没有写时限"
        sheet.error("workflow.on-due-limit", sheet.place(*path, "on_due"), message, "写上 within: {value: …, unit: …}")
    if state.on_paid and not any(e.kind == "payment" for a in sheet.workflow.actions.values() for e in a.effects):
        message = f"{state.title} 等缴费，流程里却没有一步开账单"
        hint = "在前面一步的 effects 里写 payment: {fee: 收费}，或删去 on_paid"
        sheet.error("workflow.on-paid-fee", sheet.place(*path, "on_paid"), message, hint)
    if state.pause and state.pause not in sheet.workflow.pauses:
        hint = did_you_mean(state.pause, sheet.workflow.pauses) or "在 pauses 里写明原因"
        sheet.error("workflow.pause-unknown", sheet.place(*path, "pause"), f"没有挂起原因 {shown(state.pause)}", hint)


def _check_end(state: State, sheet: Sheet) -> None:
    written = sheet.document.value["states"][state.id]
    busy = ("roles", "assign", "dispatch", "parts", "within", "on_due", "on_paid", "pause", "auto", "children")
    for key in busy:
        if key in written:
            place = sheet.key("states", state.id, key)
            sheet.error("workflow.end-busy", place, f"{state.title} 是结束，不能有 {key}", f"删去 {key} 或 end")


def _check_assign(state: State, sheet: Sheet) -> None:
    path = ("states", state.id)
    faults = {
        "dispatch": ("要写派单表", "写上 dispatch", not (state.dispatch or any(p.dispatch for p in state.parts))),
        "owner": ("要写角色", "写上 roles", not state.roles),
        "applicant": ("由申请人做，不能另有任务", "删去 roles、parts", bool(state.roles or state.parts)),
        "pool": ("不用派单表", "写上 assign: dispatch", bool(state.dispatch)),
    }
    message, hint, is_wrong = faults[state.assign]
    if is_wrong:
        sheet.error("workflow.assign", sheet.key(*path), f"{state.title} 的分派是 {state.assign}：{message}", hint)
    if state.dispatch:
        _check_table(state.dispatch, sheet, *path, "dispatch")


def _check_table(name: str, sheet: Sheet, *path: str | int) -> None:
    tables = sheet.draft.plugin.dispatch
    if f"dispatch/{name}.yaml" in sheet.draft.broken:
        return
    if name not in tables:
        sheet.error(
            "workflow.dispatch-unknown", sheet.place(*path), f"没有派单表 {shown(name)}", did_you_mean(name, tables)
        )
    elif sheet.entity is not None and tables[name].entity != sheet.entity.key:
        message = f"派单表 {name} 说的是 {tables[name].entity}，流程办的是 {sheet.entity.key}"
        sheet.error("workflow.dispatch-unknown", sheet.place(*path), message, "换一张表，或改表的 entity")


def _check_parts(state: State, sheet: Sheet) -> None:
    path = ("states", state.id)
    ids = [part.id for part in state.parts]
    for i, part in enumerate(state.parts):
        for j, role in enumerate(part.roles):
            sheet.role(role, sheet.place(*path, "parts", i, "roles", j))
        if part.dispatch:
            _check_table(part.dispatch, sheet, *path, "parts", i, "dispatch")
        if not part.roles and not part.dispatch:
            place = sheet.place(*path, "parts", i)
            sheet.error("workflow.parts", place, f"并行任务 {part.title} 没有人做", "写上 roles 或 dispatch")
        if part.id in ids[:i]:
            place = sheet.place(*path, "parts", i, "id")
            sheet.error("workflow.parts", place, f"并行任务 {part.id} 写了两次", "换一个标识")
    written = sheet.document.value["states"][state.id]
    if not state.parts and ("join" in written or "quorum" in written):
        key = "join" if "join" in written else "quorum"
        sheet.error(
            "workflow.parts", sheet.key(*path, key), f"没有并行任务，{key} 没有意义", f"删去 {key}，或写上 parts"
        )
    elif (state.join == "quorum") != bool(state.quorum):
        message = "join: quorum 与 quorum 要一起写"
        sheet.error("workflow.parts", sheet.key(*path, "join"), message, "写上 quorum: 个数，或改 join")
    elif state.join == "vote":
        _check_vote(state, sheet)
    elif state.quorum > len(state.parts):
        message = f"一共 {len(state.parts)} 个并行任务，够不了 {state.quorum} 个"
        sheet.error("workflow.parts", sheet.place(*path, "quorum"), message, f"不大于 {len(state.parts)}")


def _check_vote(state: State, sheet: Sheet) -> None:
    """For is a forward step, against is any other; a vote needs both."""
    sides = {
        a.kind == "forward" for a in sheet.workflow.actions.values() if state.id in a.from_ and ASSIGNEE in a.roles
    }
    if sides != {True, False}:
        message = f"{state.title}要表决，却没有{'反对' if True in sides else '赞成'}的动作"
        hint = "给 assignee 一个办理的动作（赞成），一个退回或不予办理的动作（反对）"
        sheet.error("workflow.vote", sheet.key("states", state.id, "join"), message, hint)


def _check_auto(state: State, sheet: Sheet) -> None:
    path = ("states", state.id)
    steps = [(name, ("auto", i, "action")) for i, (_, name) in enumerate(state.auto)]
    events = [(name, (key,)) for key, name in (("on_due", state.on_due), ("on_paid", state.on_paid)) if name]
    for name, at in [*steps, *events]:
        action = sheet.workflow.actions.get(name)
        if action and (state.id not in action.from_ or SYSTEM_ROLE not in action.roles):
            message = f"系统在{state.title}不能做 {name}"
            hint = f"让 {name} 的 from 含 {state.id}，roles 含 {SYSTEM_ROLE}"
            sheet.error("workflow.auto-action", sheet.place(*path, *at), message, hint)
    for i, (when, _) in enumerate(state.auto[:-1]):
        if when is None:
            place = sheet.place(*path, "auto", i)
            sheet.error("workflow.auto-order", place, "没有条件的自动步骤之后，别的轮不到", "把它放到最后，或写上 when")
    is_open = bool(state.auto) and all(when is not None for when, _ in state.auto)
    if is_open and not (state.on_due or state.on_paid) and not _has_people(state, sheet.workflow):
        message = f"{state.title} 的自动步骤都有条件，都不成立时没有人能办"
        sheet.error("workflow.auto-stranded", sheet.key(*path, "auto"), message, "最后加一步没有条件的，或让人能办")


def _has_people(state: State, flow: Workflow) -> bool:
    actions = [a for a in flow.actions.values() if state.id in a.from_ and a.kind != "withdraw"]
    return any(takers(action, state) for action in actions)
