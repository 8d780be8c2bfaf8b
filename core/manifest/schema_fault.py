"""Whether a JSON Schema of a manifest is one, and describes an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs


def schema_fault(schema: Mapping[str, Any]) -> str:
    """Why it cannot be used, in Chinese; "" = it can."""
    if schema.get("type") != "object":
        return "报文应是 type: object"
    try:
        jsonschema_rs.meta.validate(dict(schema))
        jsonschema_rs.Draft202012Validator(dict(schema), offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except ValueError as fault:
        return f"不是 JSON Schema：{str(fault).splitlines()[0][:100]}"
    return ""
