"""A workflow as it is checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tongban_sdk.problems import Place

from core.manifest.cases import Workflow
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import Checked
from core.manifest.model import Entity
from core.manifest.staff_roles import check_staff_role


@dataclass(frozen=True, slots=True)
class Sheet:
    """The model, the text it stands in, and where problems go."""

    workflow: Workflow
    entity: Entity | None
    at: Checked

    @property
    def draft(self) -> Draft:
        return self.at.draft

    @property
    def document(self) -> Document:
        return self.at.document

    def place(self, *path: str | int) -> Place:
        return self.document.place(*path)

    def key(self, *path: str | int) -> Place:
        return self.document.key_place(*path)

    def error(self, id: str, place: Place, message: str, hint: str) -> None:
        self.draft.error(id, place, message, hint)

    def role(self, role: str, place: Place, also: Iterable[str] = ()) -> None:
        check_staff_role(role, place, self.draft, also=frozenset(also))
