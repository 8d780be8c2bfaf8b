"""jobs.yaml or jobs/*.yaml: work on a clock or on request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import shown
from core.manifest.model import Job
from core.manifest.sections import Section

#: minute hour day month weekday, as crontab(5).
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PIECE = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)
TIMEOUT_S = 60.0
TRIES_MAX = 5


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    for document in documents:
        for id, value in document.entries("jobs"):
            place = document.key_place("jobs", id)
            if id in jobs:
                draft.error("job.duplicate", place, f"任务 {id} 已在 {jobs[id].place.file} 声明", "换一个名字")
            cron = value.get("cron", "")
            if "cron" in value and not is_cron(cron):
                hint = '写成 "分 时 日 月 周"，如 "30 2 * * *" 是每天 2:30'
                draft.error("job.cron-invalid", document.place("jobs", id, "cron"), f"时间 {shown(cron)} 无效", hint)
            jobs[id] = Job(
                draft.plugin.id, id, value["title"], cron, value["run"],
                float(value.get("timeout_s", TIMEOUT_S)), value.get("max_tries", TRIES_MAX), place,
            )  # fmt: skip
    return jobs


def is_cron(text: str) -> bool:
    parts = text.split()
    return len(parts) == 5 and all(_is_part(part, low, high) for part, (low, high) in zip(parts, _RANGES, strict=True))


def _is_part(part: str, low: int, high: int) -> bool:
    for piece in part.split(","):
        match = _PIECE.fullmatch(piece)
        if not match:
            return False
        first, last, step = (int(group) if group else None for group in match.groups())
        ends = (low if first is None else first, high if first is None else (first if last is None else last))
        if not low <= ends[0] <= ends[1] <= high or step == 0:
            return False
    return True


SECTION = Section("jobs", ("jobs.yaml", "jobs/*.yaml"), "jobs.schema.json", build, units=("jobs",))
