"""Several tasks of one state: when they are passed, and which way."""

from __future__ import annotations

from typing import Literal

from core.cases.rows import Task
from core.cases.step import Step
from core.cases.who import is_side
from core.manifest.cases import CaseAction, State

#: wait: others still have a word; pass: the way of the action just taken; lost: a vote went the other way.
Verdict = Literal["wait", "pass", "lost"]


def verdict(step: Step, action: CaseAction) -> Verdict:
    """After a part was done by `action`. What is no forward step (a return, a refusal) decides alone, but in a vote."""
    state = step.state
    if not state.parts or (state.join != "vote" and action.kind != "forward"):
        return "pass"
    parts = round_of(step, state)
    done = [task for task in parts if task.status == "done"]
    match state.join:
        case "any":
            return "pass"
        case "all":
            return "pass" if len(done) == len(parts) else "wait"
        case "quorum":
            return "pass" if len(done) >= state.quorum else "wait"
        case "vote":
            return _vote(step, action, parts)


def round_of(step: Step, state: State) -> list[Task]:
    """The parts of this stay in the state, each once: the newest of each. An earlier stay counts no more, nor what was
    handed on; a step that leads back into the state begins a new round, too."""
    parts = [t for t in step.tasks.values() if t.state == state.id and t.part and not is_side(t)]
    newest = sorted((t for t in parts if t.status != "cancelled"), key=lambda t: (t.opened_at, t.id))
    return list({task.part: task for task in newest}.values())


def _vote(step: Step, action: CaseAction, parts: list[Task]) -> Verdict:
    """More for than against, decided as soon as the open votes can change nothing; a tie is against."""
    votes = [_is_for(step, task) for task in parts if task.status == "done"]
    yes, no, half = votes.count(True), votes.count(False), len(parts) / 2
    if yes > half:
        return "pass" if action.kind == "forward" else "lost"
    if no >= half:
        return "lost" if action.kind == "forward" else "pass"
    return "wait"


def _is_for(step: Step, task: Task) -> bool:
    action = step.workflow.actions.get(task.outcome or "")
    return action is not None and action.kind == "forward"


def other_way(step: Step, action: CaseAction) -> CaseAction:
    """The action of the side that won against this one: that of a vote already given."""
    for task in round_of(step, step.state):
        found = step.workflow.actions.get(task.outcome or "")
        if task.status == "done" and found is not None and (found.kind == "forward") != (action.kind == "forward"):
            return found
    return action
