"""Service items whose case numbers say too little, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import Case
from tests.manifest.items import SERVICE, item

_ENTITY = "grid/entities/cleaning.yaml"

CASES: list[Case] = [
    (
        "two entities count in one format",
        item(_ENTITY, "TSB{division", "TS{division"),
        ["grid/entities/repair_order.yaml:1:1 service.case-number-shared"],
    ),
    (
        "about no text",
        item(SERVICE, "    form: repair\n    task_code", "    form: repair\n    about: floor\n    task_code"),
        ["grid/services/repair.yaml:9:12 service.about-field"],
    ),
]
