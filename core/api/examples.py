"""Examples the explorer offers: graphql/examples/, one operation a file.

The first line says who and what: "# staff: 按状态统计报修"; a second one may hold variables: '# {"id": ""}'.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from core.settings import ROOT

FOLDER = ROOT / "graphql" / "examples"


def render_examples(folder: Path = FOLDER) -> str:
    """The examples as <template> elements, in the order of their files' names."""
    return "\n".join(_template(path.read_text("utf-8")) for path in sorted(folder.glob("*.graphql")))


def _template(text: str) -> str:
    lines = text.splitlines()
    head = [lines.pop(0).removeprefix("#").strip() for _ in range(2) if lines[0].startswith("#")]
    who, _, title = head[0].partition(": ")
    persona = "" if who == "anonymous" else who
    variables = head[1] if len(head) > 1 else "{}"
    return (
        f'<template data-as="{escape(persona)}" data-title="{escape(title)}" data-variables="{escape(variables)}">'
        f"{escape(chr(10).join(lines), quote=False)}</template>"
    )
