"""The real application in this process, with its lifespan, and one client for HTTP and sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tongban_sdk import Actor

from core.api.documents import TrustedDocuments
from core.app import App
from core.identity.tokens import ACCESS_MAX_S, LIFE_MAX_S
from core.settings import Profile, Settings, read_settings
from tests.places import PREPARED

ADMIN = Actor(id="adm", kind="admin", roles=frozenset({"anonymous", "system_admin"}))
STAFF = Actor(id="stf", kind="staff", roles=frozenset({"anonymous", "street_admin"}), division="640522100000")
RESIDENT = Actor(
    id="res", kind="citizen", person="01890000-0000-7000-8000-000000000001", roles=frozenset({"anonymous", "resident"})
)

SQLITE = "sqlite:///"


def settings_in(folder: Path, profile: Profile = "dev", **changes: Any) -> Settings:
    env = {"TONGBAN_DATA_DIR": str(folder), "TONGBAN_PROFILE": profile}
    return replace(read_settings(env), **changes)


class Server:
    """One running application."""

    def __init__(self, app: App, client: TestClient) -> None:
        self.app, self.client = app, client

    def headers(self, actor: Actor | None) -> dict[str, str]:
        if actor is None:
            return {}
        if self.app.settings.profile == "prod":  # where development tokens are of no use
            actor = replace(actor, session="01890000-0000-7000-8000-00000000005e")
        life_s = ACCESS_MAX_S if actor.session else LIFE_MAX_S
        return {"authorization": f"Bearer {self.app.doors.tokens.mint(actor, life_s=life_s)}"}

    def post(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        return self.client.post("/graphql", json=body, headers=self.headers(actor)).json()

    def data(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        answer = self.post(query, actor, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def code(self, query: str, actor: Actor | None = None, **variables: Any) -> str:
        return str(self.post(query, actor, **variables)["errors"][0]["extensions"]["code"])


@contextmanager
def running(
    folder: Path, profile: Profile = "dev", *, schema: str | None = None, checks_documents: bool = False, **changes: Any
) -> Iterator[Server]:
    """On a database of its own in `folder` if none is given. Only where `checks_documents` are all trusted ones held
    against the schema, as any start does: what comes of it are warnings, and it costs more than the rest."""
    settings = settings_in(folder, profile, **changes)
    if settings.migrate == "auto" and settings.database_url.startswith(SQLITE):
        PREPARED.copy(Path(settings.database_url.removeprefix(SQLITE)))
    app = App(settings, schema=schema)
    with pytest.MonkeyPatch.context() as patch:
        if not checks_documents:
            patch.setattr(TrustedDocuments, "check", lambda self, schema: {})
        with TestClient(app) as client:
            yield Server(app, client)
