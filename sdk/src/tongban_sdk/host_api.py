"""What a plugin may ask of the host. The real host and the fake of `tongban_sdk.testing` keep the same protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from tongban_sdk.actor import Actor

if TYPE_CHECKING:
    import strawberry

#: One row by field name, values as in the API's JSON. A field the actor may not read is None.
Row = Mapping[str, Any]


class HostApi(Protocol):
    """Reads and writes under the rights of one actor. There is no SQL and no way round access.yaml.

    Plugin code that no caller started (jobs, events) acts as `plugin:<id>` with the role `<id>_service`:
    declare that role in plugin.yaml and grant it in access.yaml what the code needs.
    """

    @property
    def actor(self) -> Actor:
        """Who acts."""
        ...

    async def read(self, entity: str, id: str) -> Row | None:
        """Read one row.

        Args:
            entity: Entity key, "reading_room.seat".
            id: Row id.

        Returns:
            The row, or None when there is none the actor may see.

        Raises:
            NotFoundError: the entity does not exist or its plugin is off.
            PermissionDeniedError: no rule lets the actor read any row of the entity.
        """
        ...

    async def find(self, entity: str, where: Mapping[str, Any] | None = None, *, first: int = 20) -> list[Row]:
        """List rows whose fields equal the given values, oldest first.

        Args:
            entity: Entity key.
            where: Field name to value; None as a value means "is null".
            first: 1 to 100 rows.

        Returns:
            Rows the actor may see.

        Raises:
            NotFoundError: the entity does not exist or its plugin is off.
            PermissionDeniedError: no rule lets the actor read any row of the entity.
            InvalidInputError: an unknown field, or `first` out of range.
        """
        ...

    async def create(self, entity: str, values: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
        """Create a row through the host's one write pipeline.

        Args:
            entity: Entity key.
            values: Field name to value; left out = default or null.
            idempotency_key: The same key and values again return the first row and write nothing.

        Returns:
            The row as the actor may read it, with at least `id` and `version`.

        Raises:
            InvalidInputError: every wrong value at once.
            PermissionDeniedError: no rule allows it.
            ConflictError: a unique value is taken, or the key was used with other values.
            UnavailableError: the plugin is draining, or off in the row's division.
        """
        ...

    async def update(self, entity: str, id: str, version: int, patch: Mapping[str, Any]) -> Row:
        """Change some fields of a row.

        Args:
            entity: Entity key.
            id: Row id.
            version: Version read before; another version now is a conflict.
            patch: Field name to new value; fields left out stay.

        Returns:
            The row as the actor may read it.

        Raises:
            NotFoundError: no such row for this actor.
            ConflictError: the row changed meanwhile.
            InvalidInputError: every wrong value at once.
            PermissionDeniedError: no rule allows it.
        """
        ...

    async def delete(self, entity: str, id: str, version: int) -> None:
        """Delete a row (softly: history stays).

        Args:
            entity: Entity key.
            id: Row id.
            version: Version read before.

        Raises:
            NotFoundError: no such row for this actor.
            ConflictError: the row changed meanwhile or another row refers to it.
            PermissionDeniedError: no rule allows it.
        """
        ...

    async def schedule(
        self, job: str, args: Mapping[str, Any] | None = None, *, delay_s: float = 0.0, key: str | None = None
    ) -> str:
        """Ask for a job of the manifest to run later; it survives restarts and the loss of Redis.

        Args:
            job: Job key, "reading_room.remind".
            args: JSON values for `JobContext.args`, ids rather than personal data.
            delay_s: Seconds from now, 0 = as soon as possible.
            key: While a job with this key waits, another request for it is dropped.

        Returns:
            The id of the job that waits.

        Raises:
            NotFoundError: no such job.
        """
        ...

    async def call(self, capability: str, args: Mapping[str, Any] | None = None) -> Row:
        """Use a shared capability of the host, such as slots, bills or connectors.

        Args:
            capability: Its name, "slots.hold"; docs/plugins.md lists all with their arguments.
            args: JSON values by name.

        Returns:
            What the capability answers, JSON values by name.

        Raises:
            NotFoundError: no such capability.
            InvalidInputError: every wrong argument at once.
            RequestError: what the capability itself refuses.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run of a job. A job may run more than once (a worker can die after the effect): be idempotent."""

    #: Same id over all tries: use it in idempotency keys.
    id: str
    #: Job key, "reading_room.remind".
    job: str
    #: Rights of `plugin:<id>`.
    host: HostApi
    #: From 1.
    try_number: int = 1
    args: Mapping[str, Any] = field(default_factory=dict)


JobHandler = Callable[[JobContext], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlTypes:
    """Strawberry classes whose fields join the API's roots. Field names start with the plugin id: `readingRoomFree`."""

    query: type | None = None
    mutation: type | None = None


def host_of(info: strawberry.Info) -> HostApi:
    """Give a resolver the host, under the rights of the caller.

    Args:
        info: What strawberry passes to the resolver.

    Returns:
        A HostApi whose actor is the caller of this request.
    """
    context = info.context
    return cast(HostApi, context.generation.host_api(context.actor))
