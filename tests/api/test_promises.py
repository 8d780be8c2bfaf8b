import pytest

from core.api.promises import broken_promises
from core.settings import ROOT

RELEASED = """
type Query { a(x: Int, old: Int @deprecated): A, b: B @deprecated(reason: "use a"), e: E }
type A { id: ID!, name: String, nick: String @deprecated }
type B { id: ID! }
enum E { ONE TWO @deprecated }
input I { x: Int }
"""


def now(before: str, after: str) -> list[str]:
    assert before in RELEASED
    return broken_promises(RELEASED, RELEASED.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (", nick: String @deprecated", ""),
        (', b: B @deprecated(reason: "use a")', ""),
        (", old: Int @deprecated", ""),
        (" TWO @deprecated", ""),
        ("type B { id: ID! }", ""),
        ("input I { x: Int }", ""),
        ("name: String", "name: String, more: Int"),
        ("e: E", "e: E, f: Int"),
    ],
)
def test_what_was_deprecated_may_go_and_anything_may_come(before: str, after: str) -> None:
    # A type goes together with the fields that lead to it.
    text = RELEASED.replace(before, after)
    if "type B" in before:
        text = text.replace(', b: B @deprecated(reason: "use a")', "")
    assert broken_promises(RELEASED, text) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (", name: String", "", "A.name was removed"),
        ("type A { id: ID!, name: String, nick: String @deprecated }", "scalar A", "A changed from"),
        (", e: E", "", "Query.e was removed"),
        ("enum E { ONE TWO @deprecated }", "enum E { TWO }", "ONE was removed"),
        ("name: String", "name: Int", "A.name changed type"),
        ("id: ID!, name", "id: ID, name", "A.id changed type"),
        ("x: Int, old", "old", "x:) was removed"),
        ("x: Int, old", "x: Int!, old", "has changed type"),
        ("a(x: Int", "a(must: Int!, x: Int", "must"),
    ],
)
def test_what_was_promised_must_stay(before: str, after: str, words: str) -> None:
    found = now(before, after)
    assert found
    assert words in " ".join(found)


def test_this_tree_keeps_the_promises_of_the_last_release() -> None:
    """`graphql/released.graphql` is a copy of schema.graphql made at each release; before the first there is none."""
    folder = ROOT / "graphql"
    released = folder / "released.graphql"
    promised = released.read_text("utf-8") if released.exists() else "type Query { __nothing: Int @deprecated }"
    assert broken_promises(promised, (folder / "schema.graphql").read_text("utf-8")) == []
