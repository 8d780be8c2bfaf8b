"""Every hook of the host, in one file. A plugin implements what it needs with `@hookimpl`.

A hook may be a plain function or `async def`. Each call has a time limit for the whole and 250 ms for any stretch that
does not await; a plugin that passes it, raises something other than a RequestError, or answers nonsense is blamed by
name, and after five failures in a minute it is quarantined for half a minute. Other plugins never notice.
"""

from __future__ import annotations

from collections.abc import Mapping

import pluggy

from tongban_sdk.changes import Change
from tongban_sdk.host_api import GraphqlTypes, HostApi, JobHandler

PROJECT = "tongban"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def graphql_types() -> GraphqlTypes:  # type: ignore[empty-body]  # a specification has no body
    """Contribute hand-written GraphQL fields. Called each time a schema is composed while the plugin is on.

    Returns:
        Strawberry classes whose fields join Query and Mutation; return the same classes every time.

    Raises:
        Exception: any exception keeps the plugin out of the API with the state `failed`.

    Limits: 1 s. A root field that exists already is refused; names start with the plugin id in camel case.
    Source: docs/architecture.md, "Doors".
    """


@hookspec
def jobs() -> Mapping[str, JobHandler]:  # type: ignore[empty-body]  # a specification has no body
    """Name the handlers that the manifest's jobs run. Called once per generation.

    Returns:
        Handler name (`run` in jobs.yaml) to an async function of one JobContext; every name the manifest uses.

    Raises:
        Exception: any exception keeps the plugin out of the API with the state `failed`.

    Limits: 1 s for this call; a handler has `timeout_s` of its job and 1 s for any stretch that does not await.
    Source: docs/architecture.md, "Rooms and floors", core/jobs.
    """


@hookspec
def check_change(change: Change, host: HostApi) -> None:
    """Refuse a change of a row of this plugin before it is written. Called after the host's own checks.

    Args:
        change: The change about to be written, with values before and after.
        host: Reads under the rights of the caller; do not write here.

    Raises:
        InvalidInputError: the values do not fit together; shown to the caller.
        ConflictError: the change does not fit the state of other rows; shown to the caller.
        RequestError: any other of the family; shown to the caller. Nothing is written.

    Limits: 500 ms. When it fails in another way the change is refused with UNAVAILABLE: a check that cannot answer
    never lets a change through.
    Source: Kubernetes validating admission webhooks, `failurePolicy: Fail`.
    """


@hookspec
def on_changed(change: Change, host: HostApi) -> None:
    """Learn that a row of this plugin, or of a plugin it requires, has changed. Called after the commit.

    Args:
        change: Ids, action and version only; read the row for its values, it may have changed again.
        host: Rights of `plugin:<id>`.

    Raises:
        Exception: the event is tried again later with growing pauses, then kept as a dead letter.

    Limits: 30 s. At least once, in no promised order: make the effect idempotent, by id and version.
    Source: transactional outbox, https://microservices.io/patterns/data/transactional-outbox.html
    """


@hookspec
def on_enabled(host: HostApi) -> None:
    """Learn that the plugin was switched on. Called as a job by one node, after the new API stands.

    Args:
        host: Rights of `plugin:<id>`.

    Raises:
        Exception: tried again later with growing pauses, then kept as a dead letter.

    Limits: 30 s. At least once.
    Source: docs/architecture.md, "Doors".
    """


@hookspec
def on_disabled(host: HostApi) -> None:
    """Learn that the plugin is being switched off everywhere. Called before its API goes away.

    Args:
        host: Rights of `plugin:<id>`; the plugin's own rows can still be read and written.

    Raises:
        Exception: blamed on the plugin; the switch goes on without it.

    Limits: 2 s. At most once per switch.
    Source: docs/architecture.md, "Doors".
    """


#: Names of all hooks, as pluggy knows them.
HOOKS = ("check_change", "graphql_types", "jobs", "on_changed", "on_disabled", "on_enabled")
