"""There is no default account: what a demo made does not outlive the step into production."""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest
from tongban_sdk import LoginFailedError, NotAuthenticatedError

from core.demo.accounts import make_accounts
from core.host import open_host
from core.identity.demo_accounts import close_demo_accounts
from core.identity.officers import Opened
from core.settings import Profile
from tests.api.servers import settings_in
from tests.login.hall import ADDRESS, Hall


async def test_a_server_in_production_closes_log_ins_of_a_demo(hall: Hall) -> None:
    parts, town = hall.login.parts, hall.town
    made = next(a for a in await make_accounts(town.database, parts.vault) if a.roles == ("security_admin",))
    assert made.password is not None
    assert made.totp is not None
    otp = pyotp.parse_uri(made.totp)
    assert isinstance(otp, pyotp.TOTP)
    opened = await hall.login.officers.login(made.login, made.password, hall.now(otp), ADDRESS)
    assert isinstance(opened, Opened)
    own = await hall.citizen("13800138000")
    assert await close_demo_accounts(town.database, parts.audit._audit, town.sessions) == 3
    assert await close_demo_accounts(town.database, parts.audit._audit, town.sessions) == 0
    hall.clock.move(seconds=60)
    with pytest.raises(LoginFailedError):
        await hall.login.officers.login(made.login, made.password, hall.now(otp), ADDRESS)
    with pytest.raises(NotAuthenticatedError):
        await town.sessions.refresh(opened.pair.refresh)
    assert (await town.sessions.refresh(own.refresh)).actor.id == own.actor.id
    lines = [line for line in await hall.audit("action", "detail") if line[0] == "disable_account"]
    assert lines == [("disable_account", "demo")] * 3


@pytest.mark.parametrize(("profile", "state"), [("dev", "active"), ("prod", "disabled")])
async def test_only_production_does(tmp_path: Path, profile: Profile, state: str) -> None:
    settings = settings_in(tmp_path)
    async with open_host(settings) as host:
        await make_accounts(host.database, host.vault)
    async with open_host(settings_in(tmp_path, profile), follow=True) as host:
        found = await host.database.fetch("SELECT DISTINCT state FROM tb_account", [])
        assert [one for (one,) in found] == [state]
