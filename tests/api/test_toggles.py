"""Requests while a plugin is switched on and off: every answer belongs to one state, none is a fault of the server."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2

from core.app import open_doors
from tests.api.servers import ADMIN, settings_in

TOGGLES, REQUESTS = 100, 200
QUERY = """{
  plugins { id state }
  first: communityNotices(first: 1) { totalCount }
  second: communityRepairOrders(first: 1) { totalCount }
  coreFiles(first: 1) { totalCount }
}"""
WHOLE = {"totalCount": 0}


async def test_no_request_fails_or_sees_two_states_while_plugins_are_switched(tmp_path: Path) -> None:
    async with open_doors(settings_in(tmp_path, "audit")) as doors:
        done = asyncio.Event()
        answers: list[tuple[int, Any]] = []

        async def toggle() -> None:
            for n in range(TOGGLES):
                await doors.host.registry.set_state("community", "on" if n % 2 else "off", actor=ADMIN)
            done.set()

        async def ask(client: httpx2.AsyncClient) -> None:
            while not done.is_set() or len(answers) < REQUESTS:
                answer = await client.post("/graphql", json={"query": QUERY})
                answers.append((answer.status_code, answer.json()))
                await asyncio.sleep(0.01)

        headers = {"authorization": f"Bearer {doors.tokens.mint(ADMIN)}"}
        transport = httpx2.ASGITransport(app=doors.graphql)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            await asyncio.gather(toggle(), *(ask(client) for _ in range(2)))
    seen: Counter[str] = Counter(kind_of(status, body) for status, body in answers)
    assert set(seen) == {"on", "off"}, seen
    assert sum(seen.values()) >= REQUESTS


def kind_of(status: int, body: Any) -> str:
    if status == 200 and "errors" not in body:
        data = body["data"]
        assert {plugin["id"]: plugin["state"] for plugin in data["plugins"]}["community"] == "on"
        assert (data["first"], data["second"], data["coreFiles"]) == (WHOLE, WHOLE, WHOLE)
        return "on"
    codes = {e["extensions"]["code"] for e in body["errors"]}
    return "off" if status == 200 and codes == {"GRAPHQL_VALIDATION"} else f"{status} {codes}"
