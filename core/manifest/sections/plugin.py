"""plugin.yaml: who the plugin is."""

from __future__ import annotations

from collections.abc import Sequence

from tongban_sdk.problems import Problem

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import error
from core.manifest.folder import Folder
from core.manifest.model import Plugin, Purpose, Role
from core.manifest.sections import Section

#: The plugin every other stands on; its roles are the shared ones and have no prefix.
FOUNDATION = "core"
#: Prefixes the host uses itself, and words of GraphQL and SQL that would be misread.
RESERVED_IDS = frozenset(
    {"tb", "pg", "sqlite", "tongban", "plugin", "plugins", "node", "query", "mutation", "subscription"}
)
_LEVELS = ("L1", "L2", "L3", "L4")


def build(documents: Sequence[Document], draft: Draft) -> None:
    """The head is read before all sections (`read_head`); here its roles are checked against the others."""
    if draft.plugin.id == FOUNDATION:
        return
    for document in documents:
        for role in draft.plugin.roles:
            if not role.startswith(f"{draft.plugin.id}_"):
                place = document.key_place("roles", role)
                hint = f"写成 {draft.plugin.id}_{role}；共用的角色在 core"
                draft.error("plugin.role-prefix", place, f"角色 {role} 没有以插件的标识开头", hint)


def read_head(document: Document, folder: Folder) -> Plugin:
    """The plugin without its parts, from a document that fits the schema."""
    value = document.value
    id = value["id"]
    return Plugin(
        id=id,
        title=value["title"],
        description=value.get("description", ""),
        version=value["version"]["name"],
        version_code=value["version"]["code"],
        department=value["department"],
        case_prefix=value["case_prefix"],
        data_level_max=value["data_level_max"],
        requires=tuple(value.get("requires", ())),
        after=tuple(value.get("after", ())),
        conflicts=tuple(value.get("conflicts", ())),
        entry=value.get("entry", ""),
        purposes={key: _purpose(key, purpose) for key, purpose in document.entries("purposes")},
        roles={
            key: Role(key, role["title"], id, document.key_place("roles", key), role.get("code", ""))
            for key, role in document.entries("roles")
        },
        place=document.place(),
        hash=folder.hash,
        real_name=value.get("real_name", 0),
    )


def guess_head(document: Document, folder: Folder) -> Plugin | None:
    """A head to check the other files against, of a document that does not fit; None when that would mislead."""
    value = document.value if isinstance(document.value, dict) else {}
    requires = value.get("requires", [])
    is_readable = isinstance(requires, list) and all(isinstance(id, str) for id in requires)
    if value.get("manifest") != 1 or not is_readable:
        return None
    level = value.get("data_level_max")
    return Plugin(
        id=folder.id,
        title=folder.id,
        description="",
        version="",
        version_code=0,
        department={},
        case_prefix="",
        # An unreadable limit must not make every level look too high.
        data_level_max=level if level in _LEVELS else "L4",
        requires=tuple(requires),
        after=(),
        conflicts=(),
        entry="",
        purposes={},
        roles={},
        place=document.place(),
        hash=folder.hash,
    )


def _purpose(id: str, value: dict[str, str]) -> Purpose:
    return Purpose(id, value["title"], value["basis"], value["retention"], value["text"])  # type: ignore[arg-type]  # schema


def check_head(document: Document, folder: Folder) -> list[Problem]:
    id = document.value["id"]
    place = document.place("id")
    problems = []
    if id != folder.id:
        message = f"标识 {id} 与文件夹名 {folder.id} 不同"
        problems.append(error("plugin.id-folder", place, message, "改成相同的名字"))
    if id in RESERVED_IDS:
        problems.append(error("plugin.id-reserved", place, f"标识 {id} 是保留的名字", "换一个名字"))
    return problems


SECTION = Section("plugin", ("plugin.yaml",), "plugin.schema.json", build, units=("roles", "purposes"))
