"""What every adapter must do, held to by those that are shipped; a county's own can be added to ADAPTERS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.problems import Place

from core.connectors.adapter import Adapter, Adapters, read_specs
from core.connectors.http_json import HttpJson
from core.connectors.signing import is_signed
from core.connectors.simulator import Simulator
from core.connectors.wire import Call, RefusedError
from core.fields.json_schema import problems_of
from core.identity.providers import ProviderError
from core.manifest.connectors import Connector, Operation
from core.manifest.model import World
from core.settings import SettingsError

KEY = "k" * 40
ORDER = Operation(
    id="order", title="下单", direction="out", place=Place(""), number="no",
    request={"type": "object", "properties": {"name": {"type": "string"}}},
    response={"type": "object", "required": ["no"], "properties": {"no": {"type": "string"}}},
    examples=({"request": {"name": "马"}, "response": {"no": "M"}}, {"response": {"no": "YZ"}}),
)  # fmt: skip
POST = Connector("works", "post", "寄递", "邮政", "L3", {"order": ORDER}, Place(""))


@dataclass
class Outside:
    """The other side of one adapter: can be told to fail, to refuse, to talk nonsense."""

    adapter: Adapter
    tell: Callable[[str], None]


@dataclass
class Server:
    """A real one on this machine; knows keys and signatures."""

    mood: str = ""
    known: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.paths.append(path)
        if not is_signed(POST.signature, (KEY.encode(),), headers, "POST", path, body):
            return 401, b"{}"
        if self.mood:
            return {"fails": (503, b""), "refuses": (422, b""), "nonsense": (200, b"[1]"), "moved": (302, b"")}[
                self.mood
            ]
        number = self.known.setdefault(headers["idempotency-key"], f"YZ{len(self.known)}")
        return 200, json.dumps({"no": number, "name": json.loads(body)["name"]}).encode()


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, text = told.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield told, f"http://127.0.0.1:{running.server_port}/api"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def outside(request: pytest.FixtureRequest, tmp_path: Path, server: tuple[Server, str]) -> Outside:
    return ADAPTERS[request.param](tmp_path, *server)


def simulated(folder: Path, server: Server, url: str) -> Outside:
    def tell(mood: str) -> None:
        (folder / "simulators").mkdir(exist_ok=True)
        (folder / "simulators" / "works.post.json").write_text(json.dumps({mood: True} if mood else {}))

    return Outside(Simulator(POST, folder), tell)


def over_http(folder: Path, server: Server, url: str) -> Outside:
    (folder / "connectors").mkdir()
    (folder / "connectors" / "works.post.key").write_text(f"{KEY}\n")
    (folder / "connectors" / "works.post.url").write_text(f"{url}\n")

    def tell(mood: str) -> None:
        server.mood = mood

    return Outside(HttpJson(POST, folder, folder), tell)


ADAPTERS: Mapping[str, Callable[[Path, Server, str], Outside]] = {"simulator": simulated, "http": over_http}


def call(key: str = "k1", **values: Any) -> Call:
    return Call(key, "order", values or {"name": "王"}, 5)


@pytest.mark.parametrize("outside", ADAPTERS, indirect=True)
class TestContract:
    async def test_an_answer_fits_the_schema(self, outside: Outside) -> None:
        assert list(problems_of(ORDER.response, await outside.adapter.call(call()), "answer")) == []

    async def test_one_key_one_answer(self, outside: Outside) -> None:
        first = await outside.adapter.call(call())
        assert await outside.adapter.call(call()) == first
        assert (await outside.adapter.call(call("k2")))["no"] != first["no"]

    async def test_who_is_away_is_asked_again(self, outside: Outside) -> None:
        outside.tell("fails")
        with pytest.raises(ProviderError) as failed:
            await outside.adapter.call(call())
        assert not isinstance(failed.value, RefusedError)
        assert "王" not in str(failed.value)
        outside.tell("")
        assert (await outside.adapter.call(call()))["no"]

    async def test_a_refusal_is_final(self, outside: Outside) -> None:
        outside.tell("refuses")
        with pytest.raises(RefusedError):
            await outside.adapter.call(call())

    async def test_nonsense_is_no_answer(self, outside: Outside) -> None:
        outside.tell("nonsense")
        try:
            answer = await outside.adapter.call(call())
        except ProviderError:
            return
        assert list(problems_of(ORDER.response, answer, "answer"))


async def test_the_simulator_takes_the_example_that_fits(tmp_path: Path) -> None:
    simulator = Simulator(POST, tmp_path)
    assert (await simulator.call(call("12345678", name="马")))["no"] == "M12345678"
    assert (await simulator.call(call("87654321", name="王")))["no"] == "YZ87654321"


async def test_values_are_never_carried_elsewhere(tmp_path: Path, server: tuple[Server, str]) -> None:
    outside = over_http(tmp_path, *server)
    outside.tell("moved")
    with pytest.raises(ProviderError):
        await outside.adapter.call(call())
    assert server[0].paths == ["/api/order"]
    (tmp_path / "connectors" / "works.post.key").write_text("x" * 40)
    with pytest.raises(ProviderError, match="401") as failed:
        await outside.adapter.call(call())
    # A wrong key is put right by somebody; the call is not lost.
    assert not isinstance(failed.value, RefusedError)


def test_settings_name_adapters(tmp_path: Path) -> None:
    spec = "works.post=core.connectors.http_json:HttpJson"
    assert read_specs(f" {spec} , a.b=c:D,") == {"works.post": "core.connectors.http_json:HttpJson", "a.b": "c:D"}
    for wrong in ("works.post", "post=a:B", "works.post=nothing"):
        with pytest.raises(SettingsError, match="TONGBAN_CONNECTORS"):
            read_specs(wrong)
    plugin: Any = type("Plugin", (), {"connectors": {"post": POST}})
    world = World({"works": plugin})
    for text, why in ((spec, "works.post.url"), ("works.post=core.none:X", "用不了")):
        with pytest.raises(SettingsError, match=why):
            Adapters(read_specs(text), False, tmp_path, tmp_path).check(world)
    away = Adapters({}, False, tmp_path, tmp_path)
    assert (away.kind("works.post"), away.get(POST)) == ("", None)
    assert Adapters({}, True, tmp_path, tmp_path).kind("works.post") == "simulator"
