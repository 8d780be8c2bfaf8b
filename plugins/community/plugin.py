"""The hooks of community: thin, each calls the domain."""

from __future__ import annotations

from collections.abc import Mapping

from tongban_sdk import Change, HostApi, JobHandler, hookimpl

from plugins.community import periods, visits


class Plugin:
    """What community adds to the host beyond its manifest."""

    @hookimpl
    def jobs(self) -> Mapping[str, JobHandler]:
        return {"expire_visit": visits.expire}

    @hookimpl
    def check_change(self, change: Change) -> None:
        periods.check_period(change)

    @hookimpl
    async def on_changed(self, change: Change, host: HostApi) -> None:
        if change.entity == visits.VISITOR and change.action != "delete":
            await visits.watch(host, change.id)
