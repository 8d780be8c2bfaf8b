"""What a workflow must hold beyond its schema: names that exist, work that somebody does, a way to an end."""

from __future__ import annotations

from collections.abc import Iterable

from core.manifest.cases import ASSIGNEE, PSEUDO_ROLES, CaseAction, Workflow
from core.manifest.findings import did_you_mean, shown
from core.manifest.flow_checks import (
    auto_ways,
    cycles,
    endless_states,
    is_taken,
    unreachable_states,
    ways,
)
from core.manifest.sheet import Sheet
from core.manifest.state_checks import check_state

#: Whom an escalation may name beside roles: a 督办 ticket is opened.
SUPERVISION = "supervision"


def check_flow(sheet: Sheet) -> None:
    """States and actions: names, roles, limits; then, when all names are good, the graph."""
    before = len(sheet.draft.problems)
    _check_names(sheet)
    is_named = len(sheet.draft.problems) == before
    for state in sheet.workflow.states.values():
        check_state(state, sheet)
    for action in sheet.workflow.actions.values():
        _check_action(action, sheet)
    _check_chain(sheet)
    if is_named and not sheet.document.dropped:
        _check_graph(sheet)


def _check_names(sheet: Sheet) -> None:
    """Every state and action that is named exists; what does not fit the schema has its own problem."""
    flow, value = sheet.workflow, sheet.document.value
    _known(flow.start, value["states"], "状态", sheet, "start")
    for action in flow.actions.values():
        path = ("actions", action.id)
        for i, name in enumerate(action.from_):
            _known(name, value["states"], "状态", sheet, *path, "from", i)
        for key, name in (("to", action.to), ("over", action.over)):
            if name:
                _known(name, value["states"], "状态", sheet, *path, key)
    for state in flow.states.values():
        for i, (_, name) in enumerate(state.auto):
            _known(name, value["actions"], "动作", sheet, "states", state.id, "auto", i, "action")
        for key, name in (("on_due", state.on_due), ("on_paid", state.on_paid)):
            if name:
                _known(name, value["actions"], "动作", sheet, "states", state.id, key)


def _known(name: str, names: Iterable[str], kind: str, sheet: Sheet, *path: str | int) -> None:
    if name not in names:
        sheet.error("workflow.name-unknown", sheet.place(*path), f"没有{kind} {shown(name)}", did_you_mean(name, names))


def _check_action(action: CaseAction, sheet: Sheet) -> None:
    path = ("actions", action.id)
    for i, role in enumerate(action.roles):
        sheet.role(role, sheet.place(*path, "roles", i), PSEUDO_ROLES)
    if action.guard is not None and not action.guard_message:
        place = sheet.key(*path, "guard")
        sheet.error("workflow.guard-message", place, "前提不成立时没有说法", "写上 guard_message，告诉人该怎么办")
    if (action.kind == "extend") != (action.by is not None):
        place = sheet.key(*path, "by" if action.by else "kind")
        sheet.error(
            "workflow.extend-by", place, "kind: extend 与 by 要一起写", "写上 by: {value: …, unit: …}，或改 kind"
        )
    if action.kind == "suspend" and not (sheet.workflow.pauses and sheet.workflow.pause_approver):
        message = "可以挂起，却没有写挂起的原因和批准人"
        sheet.error("workflow.suspend", sheet.place(*path, "kind"), message, "写上 pauses 和 pause_approver")
    _check_times(action, sheet)


def _check_times(action: CaseAction, sheet: Sheet) -> None:
    path, flow = ("actions", action.id), sheet.workflow
    if (action.kind == "return" or action.over) and not (action.times_max and action.over):
        message = f"{action.title}：退回要有次数，次数用完要有人裁定"
        sheet.error("workflow.over-missing", sheet.key(*path), message, "写上 times_max 和 over（裁定的状态）")
    state = flow.states.get(action.over)
    if state is None:
        return
    sheet.role(flow.arbiter, sheet.place("arbiter"))
    rulings = [a for a in flow.actions.values() if state.id in a.from_]
    if not any(flow.arbiter in a.roles or (ASSIGNEE in a.roles and flow.arbiter in state.roles) for a in rulings):
        message = f"仲裁角色 {flow.arbiter} 在{state.title}没有可做的动作"
        sheet.error("workflow.over-arbiter", sheet.place(*path, "over"), message, f"让 {flow.arbiter} 能从那里做一步")


def _check_chain(sheet: Sheet) -> None:
    """Approver of pauses, and who hears of it when it is late."""
    flow = sheet.workflow
    if flow.pause_approver:
        sheet.role(flow.pause_approver, sheet.place("pause_approver"))
    for i, step in enumerate(flow.escalation):
        sheet.role(step.to, sheet.place("escalation", i, "to"), (SUPERVISION,))
        if i and step.at_percent <= flow.escalation[i - 1].at_percent:
            place = sheet.place("escalation", i, "at_percent")
            message = f"{step.at_percent}% 不大于上一级的 {flow.escalation[i - 1].at_percent}%"
            sheet.error("workflow.escalation-order", place, message, "按百分比从小到大写")


def _check_graph(sheet: Sheet) -> None:
    flow = sheet.workflow
    if flow.states[flow.start].end:
        sheet.error("workflow.start-end", sheet.place("start"), "起始状态就是结束", "换一个起始状态")
        return
    if not any(state.end == "done" for state in flow.states.values()):
        sheet.error("workflow.end-missing", sheet.key("states"), "没有办结的状态", "给办结的状态写上 end: done")
    unreachable = unreachable_states(flow)
    for id in sorted(unreachable):
        message = f"从{flow.states[flow.start].title}走不到{flow.states[id].title}"
        sheet.error("workflow.unreachable", sheet.key("states", id), message, "让一个动作通到这里，或删去这个状态")
    for id in sorted(endless_states(flow) - unreachable):
        message = f"{flow.states[id].title}没有出路：不撤回就永远办不完"
        sheet.error("workflow.no-way-out", sheet.key("states", id), message, "让承办的人或系统能从这里走到结束")
    for circle in cycles(auto_ways(flow)):
        way = " → ".join((*circle, circle[0]))
        place = sheet.key("states", circle[0], "auto")
        sheet.error("workflow.auto-cycle", place, f"自动步骤绕成圈：{way}", "去掉一步，或改由人来做")
    for action in flow.actions.values():
        _check_use(action, sheet)


def _check_use(action: CaseAction, sheet: Sheet) -> None:
    """An action is of use in each state it names."""
    flow, path = sheet.workflow, ("actions", action.id)
    for i, name in enumerate(action.from_):
        state = flow.states[name]
        if state.end and action.kind != "reopen":
            message = f"{state.title}是结束，只有重开（kind: reopen）能从那里走"
            sheet.error("workflow.end-leaves", sheet.place(*path, "from", i), message, "从 from 里删去，或改 kind")
        elif not is_taken(action, state, flow):
            message = f"在{state.title}没有人能做 {action.id}"
            hint = "那里没有承办人就不能只写 assignee；只写 system 的要列在 auto、on_due、on_paid 或 call"
            sheet.error("workflow.action-idle", sheet.place(*path, "from", i), message, hint)
    if not action.self_approve and action.from_ == (flow.start,) and not _is_entered(flow.start, flow):
        message = "在起始状态之前没有别的步骤，self_approve 没有意义"
        sheet.error("workflow.self-approve", sheet.key(*path, "self_approve"), message, "删去 self_approve")


def _is_entered(id: str, flow: Workflow) -> bool:
    return any(id in following for start, following in ways(flow).items() if start != id)
