"""What one generation does in the background: jobs of manifests, and hooks that listen to changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.host_api import HostApi, JobContext

from core.access.files import FILE
from core.access.service import service_actor
from core.audit.retention import expire
from core.crypto.contents import Contents
from core.documents.documents import PRINT_JOB
from core.documents.printing import Printing
from core.fields.times import utc_now
from core.identity.dormancy import disable_dormant
from core.identity.login_policy import read_policy
from core.jobs.housekeeping import sweep_files, sweep_rows
from core.jobs.jobs import Plan
from core.jobs.outbox import Event
from core.jobs.queue import NewJob, StartedJob
from core.jobs.runner import NotNowError, Work
from core.manifest.clock import parse_cron
from core.manifest.model import Job
from core.manifest.order import requirements
from core.manifest.sections.plugin import FOUNDATION
from core.plugins.errors import QuarantinedError
from core.plugins.hooks import LIMITS_S, Part
from core.privacy import Privacy
from core.store.tables import table_of
from core.write.events import ACTIONS
from core.write.plain_files import seal_plain_files
from core.write.upkeep import keep_up

if TYPE_CHECKING:
    from core.plugins.generation import Generation

log = logging.getLogger("tongban.jobs")
HOOK_TRIES = 8
#: A job may compute for longer than a hook inside a request, but others wait meanwhile all the same.
JOB_STRETCH_S = 1.0


def make_plan(generation: Generation) -> Plan:
    """What the loop of core/jobs asks: who does a job, who listens to an event, which clocks run."""
    crons = {
        (plugin.id, job.id): parse_cron(job.cron)
        for plugin in generation.world.plugins.values()
        for job in plugin.jobs.values()
        if job.cron
    }
    return Plan(partial(_resolve, generation), partial(_fan_out, generation), crons)


def _fan_out(generation: Generation, event: Event) -> list[NewJob]:
    """One job per listener, so that one that fails is tried again alone."""
    action = ACTIONS.get(event.topic)
    owner = event.entity.partition(".")[0]
    if action is None:
        return []
    args = {"entity": event.entity, "id": event.row_id, "action": action, "version": event.version}
    near = frozenset(p.id for p in generation.world.plugins.values() if owner == p.id or owner in requirements(p))
    return [
        NewJob(plugin_id=part.plugin_id, name=":on_changed", args=args)
        for part in generation.hooks.listeners("on_changed", near)
    ]


async def _housekeeping(generation: Generation) -> None:
    registry, files, now = generation.registry, generation.world.entity(FILE), utc_now()
    await sweep_rows(registry.database, now)
    await expire(registry.audit, now, registry.settings.audit_days)
    if files is not None:
        await sweep_files(registry.database, registry.settings.data_dir / "files", table_of(files), now)


async def _reseal(generation: Generation) -> None:
    registry, world = generation.registry, generation.world
    done = await keep_up(registry.database, registry.vault, world, list(world.entities.values()))
    if (files := world.entity(FILE)) is not None:
        contents = Contents(registry.database, registry.vault, registry.settings.data_dir / "files")
        await seal_plain_files(registry.database, contents, table_of(files), done)
    if done.troubles:
        log.error("reseal: unreadable %s, left %s", dict(done.unreadable), dict(done.left))


async def _end_proxies(generation: Generation) -> None:
    registry = generation.registry
    privacy = Privacy(registry.database, registry.vault, registry.audit, lambda: generation)
    await privacy.end_proxies(service_actor(FOUNDATION))


async def _disable_dormant(generation: Generation) -> None:
    registry = generation.registry
    days = read_policy(registry.settings.login_policy).dormant_days
    await disable_dormant(registry.database, registry.audit, service_actor(FOUNDATION), days, utc_now())


async def _print_documents(generation: Generation) -> None:
    registry, settings = generation.registry, generation.registry.settings
    contents = Contents(registry.database, registry.vault, settings.data_dir / "files")
    printing = Printing(registry.database, registry.vault, registry.audit, contents, generation, settings.public_url)
    await printing.print_waiting()


#: Jobs of the foundation's manifest; they work on the host itself and have no plugin's Python.
OWN_JOBS: Mapping[str, Callable[[Generation], Awaitable[None]]] = {
    "housekeeping": _housekeeping,
    "reseal": _reseal,
    "end_proxies": _end_proxies,
    "disable_dormant": _disable_dormant,
    PRINT_JOB: _print_documents,
}


def _own(generation: Generation, declared: Job) -> Work:
    async def run(_: StartedJob) -> None:
        async with asyncio.timeout(declared.timeout_s):
            await OWN_JOBS[declared.run](generation)

    return Work(run, declared.max_tries)


def _resolve(generation: Generation, job: StartedJob) -> Work | None:
    own = generation.world.plugins[FOUNDATION].jobs.get(job.name) if job.plugin_id == FOUNDATION else None
    if own is not None:
        return _own(generation, own)
    part = generation.hooks.parts.get(job.plugin_id)
    if part is None:
        return None
    host = generation.host_api(service_actor(job.plugin_id))
    if job.name.startswith(":"):
        return Work(lambda job: _run_hook(part, job, host), HOOK_TRIES)
    declared = generation.world.plugins[job.plugin_id].jobs.get(job.name)
    handler = part.handlers.get(declared.run) if declared else None
    if declared is None or handler is None:
        return None

    def run(job: StartedJob) -> Awaitable[None]:
        context = JobContext(
            id=job.id, job=f"{job.plugin_id}.{job.name}", host=host, try_number=job.tries, args=job.args
        )
        return _guarded(part.run(job.name, lambda: handler(context), declared.timeout_s, JOB_STRETCH_S))

    return Work(run, declared.max_tries)


def _run_hook(part: Part, job: StartedJob, host: HostApi) -> Awaitable[None]:
    hook = job.name.removeprefix(":")
    arguments: dict[str, object] = {"host": host}
    if hook == "on_changed":
        arguments["change"] = Change(
            entity=str(job.args["entity"]), id=str(job.args["id"]), version=int(job.args["version"]),
            action=cast(ChangeAction, job.args["action"]),
        )  # fmt: skip
    assert hook in LIMITS_S
    return _guarded(part.call(hook, **arguments))


async def _guarded(running: Awaitable[object]) -> None:
    try:
        await running
    except QuarantinedError as error:
        raise NotNowError(str(error)) from error
