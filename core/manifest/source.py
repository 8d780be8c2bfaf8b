"""One plugin folder as files and documents: parsed and held against the schemas, not yet understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tongban_sdk.problems import Problem

from core.manifest.document import Document
from core.manifest.findings import did_you_mean, error
from core.manifest.folder import MANIFEST, Folder, read_folder
from core.manifest.model import Plugin
from core.manifest.schemas import check_document
from core.manifest.sections import Section, sections
from core.manifest.sections.plugin import check_head, guess_head, read_head
from core.manifest.yaml_reader import read_yaml

State = Literal["ok", "invalid", "waiting"]
#: Files that tell people something and the host nothing.
_PROSE = ("README", "LICENSE", "NOTICE", "CHANGELOG")


@dataclass(slots=True)
class PluginReading:
    """What became of one folder. Only an "ok" one has a plugin that may run."""

    id: str
    folder: Path
    state: State = "ok"
    plugin: Plugin | None = None
    problems: list[Problem] = field(default_factory=list)
    #: Required plugins that are missing or have problems themselves.
    waits_for: tuple[str, ...] = ()
    #: The folder as shown to people.
    shown: str = ""
    #: Equal keys ⇒ an equal result: the folder's bytes, and the keys of what it requires.
    key: tuple[object, ...] = ()

    def add(self, problems: Iterable[Problem]) -> None:
        self.problems += problems
        if self.state == "ok" and any(p.level == "error" for p in self.problems):
            self.state = "invalid"


@dataclass(slots=True)
class Source:
    """A folder between reading and building."""

    folder: Folder
    reading: PluginReading
    documents: dict[str, Document] = field(default_factory=dict)
    #: Names of documents that can be understood, whole or in part.
    good: set[str] = field(default_factory=set)
    #: The plugin without its parts; None when plugin.yaml cannot be used.
    head: Plugin | None = None
    #: False when another folder has the id.
    is_first: bool = True
    is_parsed: bool = False

    def parse(self) -> None:
        """Make documents of the files; once."""
        if self.is_parsed:
            return
        self.is_parsed = True
        for name, data in self.folder.files.items():
            if section := _section_of(name):
                _read_document(self, name, data, section)
        _read_head(self)

    @property
    def manifest(self) -> Document:
        self.parse()
        return self.documents[MANIFEST]

    def strangers(self) -> Iterator[Problem]:
        """Files that no section and no document knows: most often a misspelt folder."""
        for name in sorted(set(self.folder.files) - self._tables()):
            if _section_of(name) is None and not name.rpartition("/")[2].startswith(_PROSE):
                known = [file for section in sections() for file in section.files]
                yield error(
                    "file.unknown", self.folder.place_of(name), f"不认识的文件 {name}", did_you_mean(name, known)
                )

    def _tables(self) -> set[str]:
        """CSV files that documents name; all those beside a document that cannot be read."""
        tables = {f"{_folder(d.name)}/{d.value['file']}" for d in self.documents.values() if _names_file(d)}
        unread = {_folder(n) for n in self.folder.files if _section_of(n) and n not in self.documents}
        return tables | {name for name in self.folder.files if name.endswith(".csv") and _folder(name) in unread}


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _names_file(document: Document) -> bool:
    return isinstance(document.value, dict) and "file" in document.value


def open_source(path: Path, unchanged: Mapping[tuple[object, ...], PluginReading]) -> Source:
    """Read a folder. Of one that is unchanged the head is known; its documents are parsed when they are needed."""
    folder = read_folder(path)
    source = Source(folder, PluginReading(folder.id, path, shown=folder.shown))
    source.reading.add(folder.problems)
    same = unchanged.get((folder.path, folder.hash))
    if same and not folder.problems:
        source.head = same.plugin
    else:
        source.parse()
    return source


def _read_document(source: Source, name: str, data: bytes, section: Section) -> None:
    document, problems = read_yaml(data, name, source.folder.place_of(name).file)
    if document is not None:
        source.documents[name] = document
        findings, usable = check_document(document, section.schema, section.units)
        problems += findings
        if usable:
            source.good.add(name)
    source.reading.add(problems)


def _read_head(source: Source) -> None:
    if MANIFEST in source.good:
        document = source.documents[MANIFEST]
        source.head = read_head(document, source.folder)
        source.reading.id = source.head.id
        source.reading.add(check_head(document, source.folder))
    elif MANIFEST in source.documents:
        source.head = guess_head(source.documents[MANIFEST], source.folder)
    elif MANIFEST not in source.folder.files and not any(
        p.place == source.folder.place for p in source.folder.problems
    ):
        message = f"文件夹 {source.folder.id} 里没有 {MANIFEST}"
        hint = "写上 plugin.yaml，或移走这个文件夹"
        source.reading.add([error("plugin.file-missing", source.folder.place, message, hint)])


def _section_of(name: str) -> Section | None:
    return next((section for section in sections() if section.owns(name)), None)
