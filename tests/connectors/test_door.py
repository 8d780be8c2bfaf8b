"""The HTTP door: what it refuses before anybody is asked, how it tells what is wrong, and what only operators see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from strawberry import ID
from tongban_sdk.errors import NotFoundError, PermissionDeniedError

from core.api import connector_roots
from core.api.connector_door import BODY_MAX_BYTES, connector_routes
from core.api.connector_roots import ConnectorCallState
from core.api.limits import ADDRESS_FACTOR, RATES, RateLimits
from core.connectors.wire import RefusedError
from tests.cases.conftest import VILLAGE
from tests.conftest import empty_place
from tests.connectors.town import KEY, Town, town

pytestmark = pytest.mark.asyncio(loop_scope="module")
REPORT = "/connectors/works.post/report"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("door")
    async with empty_place("sqlite", folder) as at, town(at, folder) as found:
        yield found


def client(place: Town, limits: RateLimits | None = None) -> httpx.AsyncClient:
    files = SimpleNamespace(limits=limits or RateLimits("prod"))
    doors: Any = SimpleNamespace(host=place.office.host, files=files)
    app = Starlette(routes=connector_routes(lambda: cast(Any, doors)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://county")


async def send(
    place: Town, message: Any, *, raw: bytes | None = None, kind: str = "application/json"
) -> httpx.Response:
    signed = place.signed("report", message, KEY)
    headers = {"content-type": kind, **signed.headers}
    async with client(place) as http:
        return await http.post(REPORT, content=signed.body if raw is None else raw, headers=headers)


async def test_a_good_message_is_answered_with_the_number_of_its_case(place: Town) -> None:
    message = {"id": "D1", "kind": "cover", "area": VILLAGE, "words": "井盖碎了"}
    first, again = await send(place, message), await send(place, message)
    number = first.json()["caseNumber"]
    assert first.json() == {"number": "D1", "caseNumber": number, "taken": True, "repeated": False}
    assert again.json() == {**first.json(), "repeated": True}
    assert first.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("message", "pointers"),
    [
        ({"id": "D2", "kind": "dog", "area": 5}, ["/area", "/kind"]),
        ({"id": "D2", "kind": "cover", "area": VILLAGE, "words": "x" * 201}, ["/words"]),
        ({"id": "D2", "kind": "cover", "area": VILLAGE, "at": {"lng": 1}}, ["/at"]),
        ([], [""]),
    ],
)
async def test_what_is_wrong_is_told_by_pointer(place: Town, message: Any, pointers: list[str]) -> None:
    answer = await send(place, message)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "INVALID_INPUT")
    assert sorted(problem["pointer"] for problem in error["extensions"]["problems"]) == pointers
    assert "Traceback" not in answer.text


async def test_what_is_refused_at_the_door(place: Town) -> None:
    message = {"id": "D3", "kind": "cover", "area": VILLAGE}
    codes = {}
    for name, answer in {
        "changed": await send(place, message, raw=json.dumps({**message, "id": "D4"}).encode()),
        "text": await send(place, message, kind="text/plain"),
        "long": await send(place, message, raw=b" " * (BODY_MAX_BYTES + 1)),
    }.items():
        codes[name] = (answer.status_code, answer.json()["errors"][0]["extensions"]["code"])
    assert codes == {
        "changed": (401, "NOT_AUTHENTICATED"), "text": (415, "UNSUPPORTED_MEDIA_TYPE"), "long": (413, "BODY_TOO_LARGE"),
    }  # fmt: skip
    limits = RateLimits("prod")
    async with client(place, limits) as http:
        assert (await http.get(REPORT)).status_code == 405
        for _ in range(RATES["connectors"].burst * ADDRESS_FACTOR):
            await limits.check("connectors", address="127.0.0.1")
        answer = await http.post(REPORT)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)


async def test_only_operators_see_how_outside_systems_stand(place: Town) -> None:
    office = place.office
    number = (await send(place, {"id": "D9", "kind": "cover", "area": VILLAGE})).json()["caseNumber"]
    case = await office.cases.get(office["派遣员"], number)
    await office.act("派遣员", case, "tell")
    place.outside.next = [RefusedError()]
    place.connectors.adapters.specs = {"works.dead": "x:Y"}
    await place.run()
    info: Any = SimpleNamespace(context=SimpleNamespace(host=office.host, actor=office["派遣员"]))
    for asked in (
        connector_roots._connectors(info),
        connector_roots._calls(info),
        connector_roots._redrive(info, ID("x")),
    ):
        with pytest.raises(PermissionDeniedError, match="系统管理员"):
            await asked
    info.context.actor = replace(office["派遣员"], roles=frozenset({"system_admin"}))
    standing = {str(one.id): (one.adapter, one.waiting, one.dead) for one in await connector_roots._connectors(info)}
    assert (standing["works.dead"], standing["core.courier"]) == (("x:Y", 0, 1), ("", 0, 0))
    [dead] = (await connector_roots._calls(info, ConnectorCallState.DEAD)).nodes
    assert (dead.connector, dead.error, dead.case_number) == ("works.dead", "RefusedError", number)
    assert not (await connector_roots._calls(info, ConnectorCallState.WAITING)).nodes
    assert (await connector_roots._redrive(info, dead.id)).state == ConnectorCallState.WAITING
    with pytest.raises(NotFoundError):
        await connector_roots._redrive(info, dead.id)
    after = (await connector_roots._calls(info, first=1, after=dead.id)).nodes
    assert after == []


async def test_a_bug_tells_only_its_reference(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("canary-马大妈")

    monkeypatch.setattr("core.connectors.receiving.Receiving.receive", broken)
    answer = await send(place, {})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (500, "INTERNAL")
    assert "canary" not in answer.text
