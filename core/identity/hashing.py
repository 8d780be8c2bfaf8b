"""Password hashes: argon2id in threads of their own, few at a time, so that a flood of log-ins cannot take the machine.

64 MiB and 3 passes are RFC 9106's second recommendation. One lane instead of its four: a hash then takes one core, and
the number of threads is the bound on what log-in may cost.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from tongban_sdk import UnavailableError

TIME_COST, MEMORY_KIB, LANES = 3, 64 * 1024, 1
WORKERS = max(1, (os.cpu_count() or 2) // 2)
#: More than this wait for nothing: by then whoever asked has gone.
WAITING_MAX = 32
#: Longer ones would be hashed all the same, but cost their sender nothing.
PASSWORD_MAX_CHARS = 128
#: A hash of bytes nobody kept: what is compared with where there is no account, so that it takes as long.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$U9WT5GqfOyRlko6qEJgk/A$Rpi63qKdoy9pNOjs8Z3dsN6oBnZ9o6VMRQ2VbSoub7o"
T = TypeVar("T")


class Hasher:
    """One per process."""

    def __init__(self, workers: int = WORKERS, waiting_max: int = WAITING_MAX) -> None:
        self._argon2 = PasswordHasher(TIME_COST, MEMORY_KIB, LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._waiting, self._waiting_max = 0, waiting_max
        #: Hashes computed so far: what a test of equal work compares.
        self.computed = 0

    async def hash(self, password: str) -> str:
        """The text to store."""
        return await self._run(lambda: self._argon2.hash(password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether this is the password. Without a stored one the same work is done, for nothing."""
        found = await self._run(lambda: self._verify(stored or NOBODY, password))
        return found and stored is not None

    def check_room(self) -> None:
        """UnavailableError when the next one would have to come back: said before its try is counted."""
        if self._waiting >= self._waiting_max:
            raise UnavailableError("登录的人太多，请稍后再试", retry_after_s=3.0)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        self.check_room()
        self._waiting += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
        self.computed += 1
        return found
