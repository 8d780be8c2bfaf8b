"""The contract of a field type: one class says everything about it, on every floor of the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.fields.column import Column


class FieldError(ValueError):
    """A value a field cannot hold. `id` is stable ("idno.checksum"); the message repeats no personal data."""

    def __init__(self, id: str, message: str) -> None:
        super().__init__(message)
        self.id = id
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared field of an entity. Each type is a subclass with a dataclass field per option it adds."""

    #: Manifest type name.
    type: ClassVar[str]
    #: JSON Schema of the options this type adds to the common ones, by key; `required_options` must be given.
    options: ClassVar[Mapping[str, Any]] = {}
    required_options: ClassVar[tuple[str, ...]] = ()
    #: Personal types need an explicit `level`.
    personal: ClassVar[bool] = False
    #: Comparison operators of `where`, in GraphQL spelling; see OPERATORS in core/fields/operators.py.
    operators: ClassVar[tuple[str, ...]] = ()
    #: GraphQL scalar, or "" when `graphql_type` builds its own (enum, ref, point).
    scalar: ClassVar[str] = "String"
    #: Mask applied to L3/L4 values that a rule does not open; see core/fields/masks.py.
    default_mask: ClassVar[str] = "stars"
    #: Widget a generated form uses.
    widget: ClassVar[str] = "text"

    name: str
    title: str
    description: str = ""
    required: bool = False
    unique: bool = False
    index: bool = False
    #: A keyed hash beside the value: unique and found by eq and in even when the value is sealed.
    keyed: bool = False
    level: str = "L2"
    purpose: str = ""
    default: Any = None
    renamed_from: str | None = None
    #: Not "": kept for clients that know it, and what they should use instead.
    deprecated: str = ""
    mask: str = ""

    @property
    def graphql_name(self) -> str:
        head, *tail = self.name.split("_")
        return head + "".join(part.capitalize() for part in tail)

    @property
    def graphql_scalar(self) -> str:
        """The scalar of this very field: an integer beyond 32 bits says "Long"."""
        return self.scalar

    @property
    def is_writable(self) -> bool:
        """False for values the host makes itself (sequence, computed)."""
        return True

    def columns(self) -> tuple[Column, ...]:
        """Columns that hold the value; none for a computed field that is not stored, two for a point."""
        raise NotImplementedError

    def parse(self, value: Any) -> Any:
        """Turn an input value (JSON, never null) into the canonical value of its column, or raise FieldError."""
        raise NotImplementedError

    def split(self, value: Any) -> tuple[Any, ...]:
        """The canonical value as one value per column of `columns()`."""
        return (value,)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the input value, the same the form uses."""
        raise NotImplementedError
