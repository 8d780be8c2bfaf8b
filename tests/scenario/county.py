"""The demo county behind a real server, in production's profile as far as rights go, spoken to over HTTP only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp

from core.settings import ROOT

PASSWORD = "Nan-hua4shan-xia"
LOG_IN = (
    "mutation($a:String!,$p:String!,$t:String!)"
    "{loginStaff(account:$a,password:$p,totp:$t){ticket needs session{accessToken}}}"
)
BEGIN = "mutation($a:String!,$p:String!){loginStaff(account:$a,password:$p){ticket needs session{accessToken}}}"
CHOOSE = "mutation($k:String!,$p:String!){choosePassword(ticket:$k,password:$p)}"
ENROL = "mutation($k:String!){enrolTotp(ticket:$k){secret}}"
CONFIRM = "mutation($k:String!,$c:String!){confirmTotp(ticket:$k,code:$c)}"


@dataclass
class County:
    url: str
    folder: Path
    env: dict[str, str]
    #: Persona of the demo → id.
    personas: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def post(self, query: str, token: str = "", **variables: Any) -> Any:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def data(self, query: str, token: str = "", **variables: Any) -> Any:
        answer = self.post(query, token, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def code(self, query: str, token: str = "", **variables: Any) -> str:
        answer = self.post(query, token, **variables)
        assert "errors" in answer, answer
        return str(answer["errors"][0]["extensions"]["code"])

    def run(self, operation: str, token: str = "", **variables: Any) -> Any:
        """The answer of the one root field of a committed operation."""
        (found,) = self.data(_operation(operation), token, **variables).values()
        return found

    def refused(self, operation: str, token: str = "", **variables: Any) -> str:
        return self.code(_operation(operation), token, **variables)

    def upload(self, token: str, content: bytes, name: str = "照片.png") -> str:
        """The id of a file just sent."""
        body, kind = _multipart(content, name)
        headers = {"content-type": kind, "authorization": f"Bearer {token}"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/files", body, headers), timeout=30) as answer:
            return str(json.load(answer)["id"])

    def page(self, path: str, content: bytes | None = None) -> tuple[int, str]:
        """What a stranger's browser gets; with content it sends a file."""
        body, kind = _multipart(content, "证明.pdf") if content is not None else (None, "")
        request = urllib.request.Request(f"{self.url}{path}", body, {"content-type": kind} if kind else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def download(self, token: str, file: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/files/{file}", headers={"authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def command(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return command(self.env, *argv)

    def texted(self, phone: str) -> str:
        """The code in the last text message to a phone, as the development provider wrote it down."""
        lines = (self.folder / "outbox" / "sms.jsonl").read_text("utf-8").splitlines()
        return str([found for line in lines if (found := json.loads(line))["phone"] == phone][-1]["code"])

    def citizen(self, phone: str) -> str:
        """A token by phone and one-time code."""
        self.data("mutation($p:String!){requestLoginCode(phone:$p){validS}}", phone=phone, p=phone)
        query = "mutation($p:String!,$c:String!){loginWithCode(phone:$p,code:$c){accessToken}}"
        return str(self.data(query, p=phone, c=self.texted(phone))["loginWithCode"]["accessToken"])

    def resident(self, phone: str, name: str, idno: str) -> tuple[str, str]:
        """Access and refresh token of somebody whose identity document was checked."""
        query = "mutation($n:String!,$i:String!){verifyIdentity(name:$n,idno:$i){accessToken refreshToken}}"
        found = self.data(query, self.citizen(phone), n=name, i=idno)["verifyIdentity"]
        return found["accessToken"], found["refreshToken"]

    def newcomer(self, login: str, password: str, secret: str = "") -> str:
        """The first log-in of a civil servant: a password of one's own, a second factor, then the token."""
        now = int(time.time())
        if secret:
            step = self.data(LOG_IN, a=login, p=password, t=pyotp.TOTP(secret).at(now))["loginStaff"]
        else:
            step = self.data(BEGIN, a=login, p=password)["loginStaff"]
        self.data(CHOOSE, k=step["ticket"], p=PASSWORD)
        if not secret:
            secret = self.data(ENROL, k=step["ticket"])["enrolTotp"]["secret"]
            assert self.data(CONFIRM, k=step["ticket"], c=pyotp.TOTP(secret).at(now))["confirmTotp"] == []
        # Each step of the clock opens one door only: the next one is used before its time, as clocks may differ.
        return self._log_in(login, PASSWORD, pyotp.TOTP(secret).at(now + 30))

    def officer(self, persona: str) -> str:
        """The token of somebody of the demo's staff, with the log-in that the demo made for her."""
        accounts = json.loads((self.folder / "demo_accounts.json").read_text("utf-8"))
        mine = next(row for row in accounts if row["row"] == self.personas[persona])
        return self._log_in(mine["login"], mine["password"], pyotp.TOTP(pyotp.parse_uri(mine["totp"]).secret).now())

    def _log_in(self, login: str, password: str, code: str) -> str:
        return str(self.data(LOG_IN, a=login, p=password, t=code)["loginStaff"]["session"]["accessToken"])


def _multipart(content: bytes, name: str) -> tuple[bytes, str]:
    head = f'--b\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return head + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def _operation(name: str) -> str:
    return (ROOT / "graphql" / "operations" / f"{name}.graphql").read_text("utf-8")


def command(env: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(ROOT / "server.py"), *argv]
    return subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def county(folder: Path) -> Iterator[County]:
    """Demo data, three administrators, a server."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TONGBAN_")}
    env |= {"TONGBAN_DATA_DIR": str(folder / "var"), "TONGBAN_PROFILE": "dev"}
    made = command(env, "setup", "--system", "xitong", "--security", "anquan", "--audit", "shenji", "--json")
    assert made.returncode == 0, made.stderr
    assert command(env, "demo", "--people", "600").returncode == 0
    log = folder / "serve.log"
    with log.open("w") as output:
        argv = [sys.executable, str(ROOT / "server.py"), "serve", "--port", "0"]
        process = subprocess.Popen(argv, env=env, stdout=output, stderr=output)
        try:
            found = County(_address(process, log), folder / "var", env)
            personas = json.loads((folder / "var" / "personas.json").read_text("utf-8"))
            found.personas = {name: row["id"] for name, row in personas.items()}
            for row in json.loads(made.stdout):
                secret = pyotp.parse_uri(row["totp"]).secret
                found.tokens[row["role"]] = found.newcomer(row["login"], row["password"], secret)
            yield found
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 60
    while not (match := re.search(r'"url": "(http://[\d.:]+)"', log.read_text("utf-8"))):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < until, log.read_text("utf-8")
        time.sleep(0.1)
    return match[1]
