"""services/<name>.yaml: service items, each with its versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tongban_sdk.problems import Place, Problem

from core.expr import Expr, parse
from core.fields.made import Sequence as Numbered
from core.manifest.cases import Service
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_condition
from core.manifest.findings import error, shown
from core.manifest.item_checks import check_item, check_versions
from core.manifest.item_lint import lint_item
from core.manifest.items import in_order, service_document, service_of
from core.manifest.model import Entity, World
from core.manifest.sections import Section

#: Stands for a condition that is already reported.
_FAULTY = parse("true")


@dataclass(frozen=True, slots=True)
class _Version:
    """The origin of one version: where it stands in its file, what its conditions speak about."""

    position: int
    entity: Entity
    document: Document
    draft: Draft

    def place(self, *path: str | int) -> Place:
        return self.document.place("versions", self.position, *path)

    def condition(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        place = self.place(*path)
        return read_condition(source, self.entity, place, self.draft, by_caller=by_caller) or _FAULTY

    def value(self, source: str, *path: str | int, by_caller: bool = False) -> Expr:
        raise AssertionError(source)


def build(documents: Sequence[Document], draft: Draft) -> dict[str, tuple[Service, ...]]:
    return {document.stem: versions for document in documents if (versions := _item(document, draft))}


def _item(document: Document, draft: Draft) -> tuple[Service, ...]:
    if document.value["service"] != document.stem:
        message = f"事项 {document.value['service']} 与文件名 {document.stem} 不同"
        draft.error("service.name-file", document.place("service"), message, "改成相同的名字")
        draft.break_(document)
        return ()
    found = [
        version for position, _ in document.entries("versions") if (version := _version(position, document, draft))
    ]
    if not found:
        draft.break_(document)
    check_versions(found, draft)
    return in_order(found)


def _version(position: int, document: Document, draft: Draft) -> Service | None:
    spec = service_document(document.value, document.value["versions"][position])
    entity = draft.entity(spec["entity"], document.place("versions", position, "entity"))
    if entity is None:
        return None
    at = _Version(position, entity, document, draft)
    try:
        service = service_of(spec, draft.plugin.id, at)
    except ValueError as fault:
        # The schema knows the shape of a day, not whether it exists.
        draft.error("service.day-unreal", at.place("effective_from"), f"没有这一天：{shown(fault)}", "写成 2026-01-01")
        return None
    check_item(service, entity, at, draft)
    lint_item(service, at, draft)
    return service


def check(world: World) -> Iterator[Problem]:
    """Case numbers name one case over all applications: two entities never count in one format."""
    seen: list[tuple[Entity, Numbered]] = []
    filed = {
        service.entity for plugin in world.plugins.values() for item in plugin.services.values() for service in item
    }
    for key in [key for key in world.entities if key in filed]:
        entity = world.entities[key]
        number = entity.fields.get(entity.case)
        if not isinstance(number, Numbered):
            continue
        for other, counted in seen:
            if number.may_equal(counted):
                message = f"办件编号 {key}.{number.name} 会与 {other.key}.{counted.name} 的相同"
                hint = "改 format：在应用的 case_prefix 后面加上不同的字母"
                yield error("service.case-number-shared", entity.place, message, hint)
                break
        seen.append((entity, number))


SECTION = Section(
    "services",
    ("services/*.yaml",),
    "service.schema.json",
    build,
    units=("versions",),
    after=("entities", "forms", "workflows"),
    check=check,
)
