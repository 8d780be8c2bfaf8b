"""Every root field of this room has a document that production runs."""

from __future__ import annotations

from graphql import parse, validate

from core.api.execution import core_schema
from core.api.privacy_roots import privacy_roots
from core.settings import ROOT
from tests.privacy.conftest import Town


def test_every_field_has_a_document_that_fits(town: Town) -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "graphql/operations").glob("*.graphql")]
    schema = core_schema(town.host.generation)
    used = {}
    for text in texts:
        document = parse(text)
        for definition in document.definitions:
            for field in definition.selection_set.selections:  # type: ignore[attr-defined]  # operations only
                used[field.name.value] = document
    fields = [
        "".join([head, *(part.capitalize() for part in tail)])
        for roots in privacy_roots()
        for cls in (roots.query, roots.mutation)
        if cls is not None
        for head, *tail in (f.name.split("_") for f in cls.__strawberry_definition__.fields)  # type: ignore[attr-defined]
    ]
    assert len(fields) >= 20
    assert [name for name in fields if name not in used] == []
    assert {name: validate(schema, used[name]) for name in fields if validate(schema, used[name])} == {}
