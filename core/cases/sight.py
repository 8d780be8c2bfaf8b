"""Who may see a case: one condition over tb_case, asked by every door that shows cases or lets somebody act on one.

It opens the case and its trail; the row that was filed is opened by the rules of its entity alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tongban_sdk.actor import Actor

from core.access import me_of
from core.access.asks import PARTICIPANT
from core.cases.definitions import roles_of
from core.cases.live import Engine
from core.fields.column import Column
from core.forms.eligibility import STAFFED
from core.store.case_tables import CASE
from core.store.dialect import literal
from core.store.sql import Me, Now, Params
from core.write.live import Live

_TEXT, _UUID, _TIME = Column("value", "text"), Column("value", "uuid"), Column("value", "datetime")
#: Parties who see the case they are named in; watchers are staff.
PARTIES = "('applicant', 'reporter', 'signer')"
#: Who asks why a case is late: they see every case of their division, whatever its workflow.
SUPERVISORS = ("county_leader", "duty_leader")


async def facts(engine: Engine, live: Live, actor: Actor) -> Mapping[str, Any]:
    """`me`, and which workflows and pools the roles of the caller have to do with."""
    flows = await engine.definitions.flows(live.world) if actor.kind == "staff" else None
    found = flows.workflows if flows else ()
    leads = not actor.roles.isdisjoint(SUPERVISORS)
    return {
        **me_of(actor),
        "workflows": tuple(sorted({workflow.key for workflow in found if leads or roles_of(workflow) & actor.roles})),
        "task_roles": tuple(flows.role_keys(actor)) if flows else (),
        "plugin": actor.id.removeprefix("plugin:"),
    }


def sight(live: Live, actor: Actor, params: Params, alias: str = "c") -> str:
    """SQL that is true for the cases the caller sees; bind it with `facts` as `me`."""
    match actor.kind:
        case "citizen":
            ways = list(_citizen(actor, params, alias))
        case "staff":
            ways = list(_staff(live, actor, params, alias))
        case "system":
            ways = [f"{alias}.plugin_id = {params.add(Me('plugin'), _TEXT)}"]
        case _:
            ways = []
    found = f"({' OR '.join(ways)})" if ways else "FALSE"
    return f"({found} AND {scopes(params, alias)})" if actor.agent is not None else found


def scopes(params: Params, alias: str) -> str:
    """What the delegation covers: plugins, or single entities of them."""
    covered = (in_me(params, f"{alias}.{name}", "scopes") for name in ("plugin_id", "entity"))
    return f"({' OR '.join(covered)})"


def _citizen(actor: Actor, params: Params, alias: str) -> Iterator[str]:
    """A company's operator sees the company's cases, as a person his own."""
    if actor.legal_entity is not None:
        yield f"{alias}.legal_entity = {params.add(Me('legal_entity'), _UUID)}"
    elif actor.person is not None:
        person = params.add(Me("person"), _UUID)
        yield f"({alias}.applicant = {person} AND {alias}.legal_entity IS NULL)"
        yield (
            f"EXISTS (SELECT 1 FROM tb_case_party p WHERE p.case_id = {alias}.id AND p.person = {person} "
            f"AND p.kind IN {PARTIES})"
        )


def _staff(live: Live, actor: Actor, params: Params, alias: str) -> Iterator[str]:
    # What somebody has filed at a counter or on the phone she goes on seeing.
    counters = ", ".join(map(literal, sorted(STAFFED)))
    yield f"({alias}.account = {params.add(Me('id'), _TEXT)} AND {alias}.channel IN ({counters}))"
    if actor.staff is not None:
        staff = params.add(Me("staff"), _UUID)
        # Who was offered a task and never took it does not go on seeing the case.
        yield (
            f"EXISTS (SELECT 1 FROM tb_task t WHERE t.case_id = {alias}.id AND t.assignee = {staff} "
            "AND (t.status = 'open' OR t.claimed_at IS NOT NULL))"
        )
        yield (
            f"EXISTS (SELECT 1 FROM tb_case_party p WHERE p.case_id = {alias}.id AND p.staff = {staff} "
            "AND p.kind = 'watcher')"
        )
        if live.world.entity(PARTICIPANT) is not None:
            now = params.add(Now(), _TIME)
            yield (
                f"EXISTS (SELECT 1 FROM core_case_participant p WHERE p.case_no = {alias}.number "
                f"AND p.staff_id = {staff} AND p.deleted_at IS NULL AND p.since <= {now} "
                f"AND (p.until IS NULL OR p.until > {now}))"
            )
    if actor.org is not None:
        # What was dispatched to his unit, where somebody of his role is to take it.
        yield (
            f"EXISTS (SELECT 1 FROM tb_task t WHERE t.case_id = {alias}.id AND t.status IN ('open', 'claimed') "
            f"AND t.org = {params.add(Me('org'), _UUID)} AND {in_me(params, 't.role', 'task_roles')})"
        )
    covered = list(_covered(actor, params, alias))
    if covered:
        yield f"({in_me(params, f'{alias}.workflow', 'workflows')} AND ({' OR '.join(covered)}))"


def _covered(actor: Actor, params: Params, alias: str) -> Iterator[str]:
    """The places and the unit he works for."""
    if me_of(actor)["division_first"] is not None:
        first, last = (params.add(Me(f"division_{end}"), _TEXT) for end in ("first", "last"))
        yield f"{alias}.division BETWEEN {first} AND {last}"
    if actor.grids:
        yield in_me(params, f"{alias}.grid", "grids")
    if actor.org is not None:
        yield f"{alias}.org = {params.add(Me('org'), _UUID)}"


def in_me(params: Params, sql: str, name: str) -> str:
    return params.dialect.in_list(sql, params.add(Me(name), _TEXT, many=True), _TEXT)


CASE_ID, NUMBER = CASE.by_name["id"], CASE.by_name["number"]
