"""The hooks: thin, each calls the domain."""

from __future__ import annotations

from collections.abc import Mapping

from tongban_sdk import Change, GraphqlTypes, HostApi, JobHandler, hookimpl

from reading_room import service
from reading_room.schema import Mutation, Query


class Plugin:
    """What reading_room adds to the host beyond its manifest."""

    @hookimpl
    def graphql_types(self) -> GraphqlTypes:
        return GraphqlTypes(query=Query, mutation=Mutation)

    @hookimpl
    def jobs(self) -> Mapping[str, JobHandler]:
        return {"remind": service.remind}

    @hookimpl
    async def check_change(self, change: Change, host: HostApi) -> None:
        if change.entity == service.BOOKING and change.action == "create":
            await service.check_booking(change)

    @hookimpl
    async def on_changed(self, change: Change, host: HostApi) -> None:
        if change.entity == service.BOOKING and change.action == "create":
            await host.schedule("reading_room.remind", {"booking": change.id}, key=change.id)

    @hookimpl
    async def on_enabled(self, host: HostApi) -> None:
        await service.set_open(host, is_open=True)

    @hookimpl
    async def on_disabled(self, host: HostApi) -> None:
        await service.set_open(host, is_open=False)
