import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationType, get_operation_ast, parse, validate, validate_schema
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from tongban_sdk import Actor

from core.api.documents import RULES
from core.api.execution import core_schema
from core.api.limits import Rate
from core.ops import metrics
from core.settings import ROOT
from core.store.errors import StoreError
from tests.api.servers import ADMIN, RESIDENT, STAFF, Server, running
from tests.conftest import POSTGRES, needed
from tests.places import PREPARED

PLUGINS = "{plugins{id state reason}}"
SWITCH = 'mutation($s:PluginState!){setPluginState(plugin:"community",state:$s){id state}}'
NOTICE = "mutation($i:CommunityNoticeInput!){createCommunityNotice(input:$i){id version}}"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    server = needed(POSTGRES) if request.param == "postgres" else ""
    with (
        PREPARED.place(server, folder) as (url, schema),
        running(folder, database_url=url, schema=schema, checks_documents=True) as started,
    ):
        yield started


def state_of(server: Server, id: str) -> str:
    return str({p["id"]: p["state"] for p in server.data(PLUGINS, ADMIN)["plugins"]}[id])


def test_an_admin_sees_plugins_and_nodes(server: Server) -> None:
    assert server.data(PLUGINS, ADMIN)["plugins"][0] == {"id": "core", "state": "on", "reason": ""}
    nodes = server.data("{nodes{id generation manifestHash schemaHash seenAt} converged}", ADMIN)
    assert nodes["converged"] is True
    assert len(nodes["nodes"]) == 1


@pytest.mark.parametrize(
    ("actor", "code"), [(None, "NOT_AUTHENTICATED"), (RESIDENT, "PERMISSION_DENIED"), (STAFF, "PERMISSION_DENIED")]
)
def test_only_an_admin_sees_and_switches_plugins(server: Server, actor: Actor | None, code: str) -> None:
    before = server.app.doors.host.generation.number
    assert server.code(PLUGINS, actor) == code
    assert server.code("{nodes{id}}", actor) == code
    assert server.code(SWITCH, actor, s="OFF") == code
    assert server.app.doors.host.generation.number == before
    assert state_of(server, "community") == "on"


def publish(server: Server, state: str = "published", **more: object) -> str:
    values = {"title": "停水通知", "body": "明天停水", "state": state, "division": "640522100000", **more}
    values |= {"publishAt": "2020-01-01T00:00:00Z"}
    return str(server.data(NOTICE, STAFF, i=values)["createCommunityNotice"]["id"])


def test_anonymous_may_ask_the_type_name_and_public_rows_only(server: Server) -> None:
    published, draft = publish(server), publish(server, "draft")
    query = "query($id:ID!){communityNotice(id:$id){title}}"
    assert server.data("{__typename}") == {"__typename": "Query"}
    assert server.data(query, id=published) == {"communityNotice": {"title": "停水通知"}}
    assert server.data(query, id=draft) == {"communityNotice": None}
    assert server.data(query, STAFF, id=draft) == {"communityNotice": {"title": "停水通知"}}


def test_anonymous_may_not_write(server: Server) -> None:
    count = "{communityNotices{totalCount}}"
    before = server.data(count, ADMIN)
    values = {"title": "x", "body": "x", "division": "640522100000"}
    assert server.code(NOTICE, None, i=values) == "NOT_AUTHENTICATED"
    assert server.data(count, ADMIN) == before


def test_the_committed_operations_fit_the_schema(server: Server) -> None:
    schema = core_schema(server.app.doors.host.generation)
    assert validate_schema(schema) == []
    files = sorted((ROOT / "graphql" / "operations").glob("*.graphql"))
    assert files
    for file in files:
        assert validate(schema, parse(file.read_text("utf-8")), RULES) == [], file.name


def test_a_toggle_takes_the_types_away_and_brings_them_back(server: Server) -> None:
    query = "{communityNotices(first:1){nodes{id}}}"
    before = server.data(query, ADMIN)
    server.data(SWITCH, ADMIN, s="OFF")
    assert server.code(query, ADMIN) == "GRAPHQL_VALIDATION"
    server.data(SWITCH, ADMIN, s="ON")
    assert server.data(query, ADMIN) == before


@contextmanager
def connect(server: Server, actor: Actor | None) -> Iterator[WebSocketTestSession]:
    with server.client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": server.headers(actor)})
        assert socket.receive_json() == {"type": "connection_ack"}
        yield socket


def listen(socket: WebSocketTestSession, arguments: str = "") -> None:
    query = "subscription{entityChanged" + arguments + "{plugin entity id action version}}"
    socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
    socket.send_json({"type": "ping"})  # answered after the subscription began
    assert socket.receive_json() == {"type": "pong"}
    time.sleep(0.1)


def next_event(socket: WebSocketTestSession) -> dict[str, object]:
    message = socket.receive_json()
    assert message["type"] == "next", message
    return dict(message["payload"]["data"]["entityChanged"])


def test_changes_are_told_to_readers_only(server: Server) -> None:
    with connect(server, None) as anyone, connect(server, STAFF) as staff:
        listen(anyone, '(plugin:"community")')
        listen(staff, '(plugin:"community",entity:"notice")')
        draft, published = publish(server, "draft"), publish(server)
        assert [next_event(staff)["id"] for _ in range(2)] == [draft, published]
        event = {"plugin": "community", "entity": "notice", "id": published, "action": "create", "version": 1}
        assert next_event(anyone) == event
        server.data("mutation($id:ID!){deleteCommunityNotice(id:$id,version:1)}", STAFF, id=published)
        assert next_event(anyone) == {**event, "action": "delete", "version": 2}


def test_writes_of_another_process_are_told(server: Server) -> None:
    """No Redis between them: the database carries the word."""
    settings, schema = server.app.settings, server.app._schema
    same = running(settings.data_dir, database_url=settings.database_url, schema=schema)
    with same as other, connect(other, STAFF) as staff:
        listen(staff, '(plugin:"community",entity:"notice")')
        published = publish(server)
        event = {"plugin": "community", "entity": "notice", "id": published, "action": "create", "version": 1}
        assert next_event(staff) == event


def test_a_toggle_restarts_sockets(server: Server) -> None:
    with connect(server, ADMIN) as socket:
        listen(socket)
        server.data(SWITCH, ADMIN, s="OFF")
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
    assert caught.value.code == 1012
    server.data(SWITCH, ADMIN, s="ON")


def test_nothing_of_an_old_schema_stays(server: Server) -> None:
    import gc
    import weakref

    server.data("{__typename}")
    old = weakref.ref(core_schema(server.app.doors.host.generation))
    server.data(SWITCH, ADMIN, s="OFF")
    server.data("{__typename}")
    for _ in range(5):
        gc.collect()
    assert old() is None
    server.data(SWITCH, ADMIN, s="ON")


def test_production_runs_the_committed_operations_by_hash(tmp_path: Path) -> None:
    from core.api.documents import hash_of

    text = (ROOT / "graphql" / "operations" / "plugins.graphql").read_text("utf-8").strip()
    with running(tmp_path, "prod") as server:
        for spelling in (text, f"{text}\n"):  # as a client sends it, and as `sha256sum` sees the file
            body = {"documentId": hash_of(spelling)}
            answer = server.client.post("/graphql", json=body, headers=server.headers(ADMIN)).json()
            assert answer["data"]["plugins"][0]["id"] == "core"
        assert server.code("{__schema{types{name}}}", ADMIN) == "DOCUMENT_NOT_TRUSTED"
        assert server.client.get("/explorer").status_code == 404


def test_the_small_pages(server: Server) -> None:
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json() == {"ready": True, "missing": {}, "warnings": {}}
    assert "tongban_runtime_info" in server.client.get("/metrics").text
    kid = server.app.doors.tokens.ring.active.kid
    assert kid in [k["kid"] for k in server.client.get("/.well-known/jwks.json").json()["keys"]]
    missing = server.client.get("/nope")
    assert (missing.status_code, missing.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    wrong = server.client.delete("/files/x")
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_pages_that_ask_the_database_are_limited_by_address(tmp_path: Path) -> None:
    with running(tmp_path, "prod", public_url="https://tb.example.gov.cn") as server:
        server.app.doors.files.limits._address_rates["pages"] = Rate(0.01, 3)
        pages = ("/.well-known/jwks.json", "/readyz", "/metrics")
        assert [server.client.get(path).status_code for path in pages] == [200, 200, 200]
        for path in pages:
            refused = server.client.get(path)
            assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
            assert 90 <= int(refused.headers["retry-after"]) <= 100
        assert server.client.get("/healthz").status_code == 200


def test_a_server_told_not_to_migrate_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"tb_history.*server\.py migrate"), running(tmp_path, migrate="never"):
        pass
    with running(tmp_path):
        pass
    with running(tmp_path, migrate="never") as server:
        assert server.client.get("/readyz").json()["missing"] == {}
    with closing(sqlite3.connect(tmp_path / "tongban.sqlite3")) as connection:
        connection.execute("DROP TABLE community_notice")
    with running(tmp_path, migrate="never") as server:
        answer = server.client.get("/readyz")
        assert answer.status_code == 503
        assert list(answer.json()["missing"]) == ["migrations"]
        assert "python server.py migrate" in answer.json()["missing"]["migrations"]
    with running(tmp_path) as server:
        assert server.client.get("/readyz").json()["missing"] == {}


def test_the_explorer_needs_nothing_from_elsewhere(server: Server) -> None:
    page = server.client.get("/")
    assert (page.status_code, page.url.path) == (200, "/explorer")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "{nonce}" not in page.text


class Examples(HTMLParser):
    """The examples of the explorer: persona, variables, document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any], str]] = []
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = dict(attrs) if tag == "template" else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            variables = json.loads(self._open.get("data-variables") or "{}")
            self.found.append((self._open["data-as"] or "", variables, data))
            self._open = None


def test_the_examples_of_the_explorer_fit_the_api_and_the_rights_of_their_persona(server: Server) -> None:
    examples = Examples()
    examples.feed(server.client.get("/explorer").text)
    actors = {"": None, "citizen": RESIDENT, "staff": STAFF, "admin": ADMIN}
    assert {persona for persona, _, _ in examples.found} == set(actors)
    schema = core_schema(server.app.doors.host.generation)
    for persona, variables, text in examples.found:
        document = parse(text)
        assert validate(schema, document, RULES) == [], text
        operation = get_operation_ast(document)
        if operation and operation.operation is OperationType.QUERY:
            assert server.data(text, actors[persona], **variables)


def test_reads_of_manifest_rows_are_compiled(server: Server) -> None:
    def compiled() -> float:
        return metrics.REGISTRY.get_sample_value("tongban_operations_compiled_total") or 0

    before = compiled()
    server.data("{communityNotices(first:5){nodes{id title} totalCount}}", STAFF)
    assert compiled() == before + 1
    server.data("{communityNotices(first:5){nodes{id}} __schema{queryType{name}}}", STAFF)
    assert compiled() == before + 1
