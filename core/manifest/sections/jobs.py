"""jobs.yaml or jobs/*.yaml: work on a clock or on request."""

from __future__ import annotations

from collections.abc import Sequence

from core.manifest.clock import CronError, parse_cron
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import shown
from core.manifest.model import Job
from core.manifest.sections import Section

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
            if "cron" in value and (fault := _fault(cron)):
                hint = '写成 "分 时 日 月 周"，如 "30 2 * * *" 是每天 2:30'
                draft.error(
                    "job.cron-invalid", document.place("jobs", id, "cron"), f"时间 {shown(cron)} 无效：{fault}", hint
                )
            jobs[id] = Job(
                draft.plugin.id, id, value["title"], cron, value["run"],
                float(value.get("timeout_s", TIMEOUT_S)), value.get("max_tries", TRIES_MAX), place,
            )  # fmt: skip
    return jobs


def _fault(cron: str) -> str:
    try:
        parse_cron(cron)
    except CronError as error:
        return str(error)
    return ""


SECTION = Section("jobs", ("jobs.yaml", "jobs/*.yaml"), "jobs.schema.json", build, units=("jobs",))
