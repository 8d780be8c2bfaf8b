"""What the store raises. Nothing of a driver passes this floor."""

from __future__ import annotations

from collections.abc import Sequence

from tongban_sdk.problems import Problem


class StoreError(Exception):
    """The database cannot be used as configured; the message says what to change."""


class UniqueError(Exception):
    """A unique index refused a row. Postgres names the index, SQLite the columns."""

    def __init__(self, table: str, index: str = "", columns: tuple[str, ...] = ()) -> None:
        super().__init__(f"{table} {index or ', '.join(columns)}")
        self.table = table
        self.index = index
        self.columns = columns


class MigrationError(Exception):
    """The wanted tables cannot be reached without losing data; `problems` says all of it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
