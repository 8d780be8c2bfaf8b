"""A town with doors: every way to log in, a clock that can be turned, texts kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyotp
from tongban_sdk import Actor

from core.access import AccessModel
from core.access.visibility import Visibility
from core.crypto import Vault
from core.crypto.fields import lookup_of
from core.demo.identity import id_check
from core.fields.times import utc_now
from core.identity.administration import create_first_admins
from core.identity.login import LogIn, open_login
from core.identity.officers import Opened, Unfinished
from core.identity.providers import ProviderError
from core.identity.registry_check import RegistryCheck
from core.identity.sessions import Pair
from core.settings import Settings, read_settings
from core.store.database import Database
from tests.identity.town import Town, core_world

ADDRESS = "192.0.2.7"
VILLAGE, OTHER_TOWN = "640522100203", "640522101000"
PASSWORD = "Qing-shan7lvshui"


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Texts:
    """An SMS provider that keeps what it is given, or fails."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    fails: bool = False

    async def send(self, phone: str, template: str, values: dict[str, str]) -> None:
        if self.fails:
            raise ProviderError("down")
        self.sent.append((phone, values["code"]))
        self.templates.append(template)


@dataclass
class Faces:
    """A face provider that says what it was told to say."""

    name: ClassVar[str] = "mirror"
    is_hers: bool = True

    async def matches(self, person: str, picture: bytes) -> bool:
        return self.is_hers


class Authority(RegistryCheck):
    """A county's own provider, as production demands one: it knows whom the test has entered."""

    def __init__(self, database: Database, vault: Vault, data_dir: Path) -> None:
        super().__init__(database, vault, core_world)


AUTHORITY = "tests.login.hall:Authority"


@dataclass(frozen=True)
class Hall:
    town: Town
    login: LogIn
    clock: Clock
    texts: Texts
    faces: Faces

    async def code(self, phone: str) -> str:
        """The code a phone gets, however often it asked before."""
        await self.login.citizens.request_code(phone, ADDRESS)
        self.clock.move(seconds=61)
        return self.texts.sent[-1][1]

    async def clerk(self, division: str = VILLAGE, **values: Any) -> Actor:
        """Of a window, with the people of this division."""
        staff = await self.town.staff(roles=["window_clerk"], work_division=division, **values)
        return (await self.town.sessions.open(staff)).actor

    async def window_code(self, clerk: Actor, phone: str) -> str:
        await self.login.real_names.request_window_code(clerk, phone)
        self.clock.move(seconds=61)
        return self.texts.sent[-1][1]

    async def citizen(self, phone: str = "13800138000") -> Pair:
        return await self.login.citizens.login_with_code(phone, await self.code(phone), ADDRESS)

    async def resident(self, name: str, number: int, **values: Any) -> tuple[str, str]:
        """A person with an identity number: (core.person, number)."""
        body = f"642222196001{10 + number % 18:02}{number:03}"
        idno = body + id_check(body)
        row = {
            "name": name,
            "sex": "1",
            "kind": "registered",
            "state": "active",
            "idno": idno,
            "division": VILLAGE,
            **values,
        }
        entity = core_world().entities["core.person"]
        if entity.fields["idno"].keyed:
            row["idno_lookup"] = lookup_of(self.login.parts.vault, entity, entity.fields["idno"], idno)
        return await self.town.row("person", **row), idno

    async def admins(self) -> dict[str, tuple[str, str, pyotp.TOTP]]:
        """role → login, password of its own, second factor: as after everybody's first log-in."""
        logins = {"system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"}
        found = {}
        for made in await create_first_admins(self.login.parts, logins) or []:
            otp, login = pyotp.parse_uri(made.totp_uri), str(made.account.login)
            assert isinstance(otp, pyotp.TOTP)
            step = await self.login.officers.login(login, made.password, self.now(otp), ADDRESS)
            assert isinstance(step, Unfinished)
            assert await self.login.officers.choose_password(step.ticket, PASSWORD) == ()
            found[str(made.account.admin_role)] = (login, PASSWORD, otp)
        self.clock.move(seconds=60)
        return found

    def now(self, otp: pyotp.TOTP) -> str:
        return otp.at(self.clock())

    async def officer(self, who: tuple[str, str, pyotp.TOTP]) -> Pair:
        login, password, otp = who
        found = await self.login.officers.login(login, password, self.now(otp), ADDRESS)
        self.clock.move(seconds=60)
        assert isinstance(found, Opened)
        return found.pair

    async def audit(self, *columns: str) -> list[Any]:
        rows = await self.town.database.fetch(f"SELECT {', '.join(columns)} FROM tb_audit ORDER BY at, number", [])
        return [tuple(row) for row in rows]

    async def value(self, sql: str) -> Any:
        return await self.town.value(sql)


def open_hall(town: Town, folder: Path, **changes: Any) -> Hall:
    given = {"real_name": AUTHORITY, **changes}
    settings: Settings = replace(read_settings({"TONGBAN_DATA_DIR": str(folder)}), **given)
    clock, texts, faces = Clock(), Texts(), Faces()
    world = core_world()
    seeing = Visibility(world, AccessModel(world), town.database)

    async def sees(actor: Actor, person: str) -> bool:
        return await seeing.sees_row(actor, world.entities["core.person"], person)

    audit = town.sessions._audit  # the town's own
    login = open_login(settings, town.database, audit.vault, audit, town.sessions, core_world, sees, clock)
    login.parts.codes.sms = texts
    return Hall(town, replace(login, real_names=replace(login.real_names, face=faces)), clock, texts, faces)
