"""What is wrong with a file, by line and column, all of it at once."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Faults listed; the rest are counted.
FAULTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of a file. Repeats nothing of what stands there."""

    #: From 1. A row of several lines is named by its first.
    line: int
    #: From 1, in cells; 0 is the line as a whole.
    column: int
    #: Head of the column, "" for the line.
    heading: str
    message: str
    #: Stable, e.g. "idno.checksum".
    id: str

    def __str__(self) -> str:
        where = f"第 {self.line} 行" + (f"第 {self.column} 列" if self.column else "")
        return f"{where}{f'（{self.heading}）' if self.heading else ''}：{self.message} [{self.id}]"


@dataclass(slots=True)
class Faults:
    """Collects; its truth is whether there are any."""

    listed: list[Fault] = field(default_factory=list)
    #: Found beyond those listed.
    more: int = 0

    def add(self, line: int, id: str, message: str, column: int = 0, heading: str = "") -> None:
        if len(self.listed) < FAULTS_MAX:
            self.listed.append(Fault(line, column, heading, message, id))
        else:
            self.more += 1

    def __bool__(self) -> bool:
        return bool(self.listed)


class BadFileError(Exception):
    """The file cannot be read on; what is wrong has been added to the faults."""
