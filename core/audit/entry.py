"""One line of the audit."""

from __future__ import annotations

from dataclasses import dataclass

from tongban_sdk.actor import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """Never a personal value: ids, names of fields, codes."""

    actor: Actor
    #: "create", "update", "delete", "read", "unmask", or the name of another mutation ("login", "grant_consent").
    action: str
    #: "core.person"; "" when the action concerns no entity.
    entity: str = ""
    row_id: str = ""
    #: "ok" or the stable code of the refusal.
    result: str = "ok"
    #: Ids of the persons whose data was concerned: what "who looked at my data" finds.
    subjects: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    purpose: str = ""
    #: Case number.
    case: str = ""
    #: Id of the rule that allowed it ("core/access.yaml#12").
    rule: str = ""
    #: A sentence for the auditor, without personal values.
    detail: str = ""
