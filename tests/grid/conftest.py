"""The shipped county applications on a real host, with the people of one grid and the units around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from core.cases import Case
from core.fields import times
from core.host import open_host
from core.settings import read_settings
from tests.cases.conftest import VILLAGE, Office

GRID = VILLAGE + "001"
SPOT = {"lng": 105.65, "lat": 36.56, "crs": "CGCS2000"}
#: About 20 m and about 300 m east of it.
NEAR, FAR = {**SPOT, "lng": 105.6502}, {**SPOT, "lng": 105.6534}
Move = Callable[[datetime], None]


class Town(Office):
    #: A cover that is down as the road centre's; the sewer company owns it.
    cover: str

    async def move_in(self) -> None:
        for name in ("儿子", "邻居"):
            await self.citizen(name, grid=GRID)
        for name, role in (("派遣员", "dispatcher"), ("值班长", "duty_leader"), ("话务员", "hotline_agent")):
            await self.member(name, role, unit="社会治理指挥中心")
        worker = await self.member("网格员", "grid_worker", VILLAGE, "山门村委会")
        self.people["网格员"] = replace(worker, grids=(GRID,))
        await self.member("养护工", "grid_repair", unit="市政设施养护中心")
        await self.member("水务工", "grid_repair", unit="供排水公司")
        await self.member("审批员", "grid_permit", unit="住房和城乡建设局")
        await self.member("局长", "unit_head", unit="住房和城乡建设局")
        self.cover = await self.add(
            "派遣员", "grid.component", code="64052201002000123", type_code="01002", name="污水井盖", location=SPOT,
            grid=GRID, unit=self.units["市政设施养护中心"], division=VILLAGE,
        )  # fmt: skip

    async def add(self, who: str, key: str, **values: Any) -> str:
        """The same in somebody's own rights."""
        generation = self.host.generation
        return (await generation.writer.create(self[who], generation.world.entities[key], values)).id

    async def picture(self, who: str) -> str:
        """A photo that somebody has just uploaded."""
        return await self.add(who, "core.file", name="照片.jpg", mime="image/jpeg", size_bytes=4, sha256="0" * 64)

    async def sewer(self, who: str = "儿子", **values: Any) -> Case:
        """A broken sewer cover, as a citizen tells of it."""
        given = {
            "type_code": "01002", "description": "井盖碎了", "location": SPOT, "grid": GRID, "component": self.cover,
            "contact_phone": "15400001111", **values,
        }  # fmt: skip
        return await self.cases.submit(self[who], "grid.report", given, consents=("truth",))


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Move:
    """Sets the host's clock: from then on it runs at its own pace."""
    late = timedelta()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Self:
            return cls.fromtimestamp((datetime.now(UTC) + late).timestamp(), tz)

    def move(to: datetime) -> None:
        nonlocal late
        late = to - datetime.now(UTC)

    monkeypatch.setattr(times, "datetime", Moved)
    return move


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    settings = read_settings({"TONGBAN_DATA_DIR": str(folder)})
    async with open_host(settings) as host:
        assert host.registry.statuses()["grid"].state == "on", host.registry.statuses()["grid"].reason
        found = Town(host)
        await found.move_in()
        yield found
