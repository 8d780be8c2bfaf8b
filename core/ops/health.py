"""Is the process alive, is it ready, and if not, what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

log = structlog.get_logger("tongban.ops")

#: One sentence about what is missing, or None. Checks run side by side and must not raise for what they check.
Check = Callable[[], Awaitable[str | None]]
CHECK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`missing` keeps traffic away; `warnings` are for people."""

    missing: Mapping[str, str]
    warnings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return not self.missing

    def to_json(self) -> dict[str, Any]:
        return {"ready": self.is_ready, "missing": dict(self.missing), "warnings": dict(self.warnings)}


async def read_readiness(
    needed: Mapping[str, Check], advised: Mapping[str, Check], timeout_s: float = CHECK_TIMEOUT_S
) -> Readiness:
    """Ask every check at once; one that hangs or breaks counts as missing."""
    checks = {**needed, **advised}
    answers = await asyncio.gather(*(_ask(name, check, timeout_s) for name, check in checks.items()))
    said = {name: answer for name, answer in zip(checks, answers, strict=True) if answer}
    return Readiness(
        {name: text for name, text in said.items() if name in needed},
        {name: text for name, text in said.items() if name in advised},
    )


async def _ask(name: str, check: Check, timeout_s: float) -> str | None:
    try:
        return await asyncio.wait_for(check(), timeout_s)
    except TimeoutError:
        return f"{timeout_s:g} 秒内没有回答"
    except Exception as error:
        # Only the kind of error is shown: its text may hold a DSN.
        log.error("check_failed", check=name, exc_info=error)
        return f"检查失败：{type(error).__name__}"
