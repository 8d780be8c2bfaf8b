"""Bad expressions, rules, codes, rows, jobs and texts, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import (
    ACCESS,
    BETA,
    FRENCH,
    JOBS,
    KINDS,
    MORE,
    ROWS,
    Case,
    added,
    appended,
    field,
    rule,
)
from tests.manifest.folders import GOOD, changed

CASES: list[Case] = [
    # expressions and access
    (
        "no field",
        field("type: computed, as: boolean, expr: flors > 1"),
        ["alpha/entities/block.yaml:6:52 expr.invalid"],
    ),
    ("no expression", rule("entity: block, can: [read], where: name ="), ["alpha/access.yaml:6:57 expr.invalid"]),
    ("unknown me", rule("entity: block, can: [read], where: name == me.nmae"), ["alpha/access.yaml:6:57 expr.invalid"]),
    (
        "unknown path",
        rule("entity: house, can: [read], where: block.flors > 1"),
        ["alpha/access.yaml:6:57 expr.invalid"],
    ),
    ("where is text", rule("entity: block, can: [read], where: name"), ["alpha/access.yaml:6:57 access.where-type"]),
    ("unknown role", changed(ACCESS, "resident", "residnt"), ["alpha/access.yaml:2:12 access.role-unknown"]),
    (
        "another's entity for everybody",
        changed(ACCESS, "{role: alpha_clerk, entity: core.person", "{role: resident, entity: core.person"),
        ["alpha/access.yaml:4:12 access.foreign-role"],
    ),
    (
        "rights for another's code",
        {
            **changed(ACCESS, "resident", "core_service"),
            "core/plugin.yaml": GOOD["core/plugin.yaml"] + "  core_service: {title: 宿主}\n",
        },
        ["alpha/access.yaml:2:12 access.foreign-service"],
    ),
    ("unknown entity", rule("entity: blok, can: [read]"), ["alpha/access.yaml:6:30 entity.unknown"]),
    (
        "unknown fields",
        rule("entity: block, can: [read], fields: [nmae], except: [flors]"),
        ["alpha/access.yaml:6:59 access.field-unknown", "alpha/access.yaml:6:75 access.field-unknown"],
    ),
    (
        "clear what is closed",
        rule("entity: house, can: [read], fields: [room], clear: [phone]"),
        ["alpha/access.yaml:6:74 access.clear-closed"],
    ),
    (
        "unmask what is closed",
        rule("entity: house, can: [read], fields: [room], unmask: [phone]"),
        ["alpha/access.yaml:6:75 access.clear-closed"],
    ),
    (
        "unmask what has no mask",
        rule("entity: block, can: [read], unmask: [name]"),
        ["alpha/access.yaml:6:59 access.unmask-open"],
    ),
    (
        "secrets for anybody",
        rule("entity: house, can: [read], where: owner == me.person"),
        ["alpha/access.yaml:6:5 access.relation-missing"],
    ),
    (
        "secrets counted",
        rule("entity: house, can: [aggregate], where: owner == me.person, fields: [illness]"),
        ["alpha/access.yaml:6:5 access.relation-missing"],
    ),
    (
        "a relation to everybody",
        rule("entity: house, can: [read], where: area > 3, relation: duty"),
        ["alpha/access.yaml:6:77 access.relation-unbounded"],
    ),
    (
        "an office that is oneself",
        appended(ACCESS, "  - {role: alpha_clerk, entity: house, can: [read], where: me.id != null, relation: self}\n"),
        ["alpha/access.yaml:6:85 access.relation-nobody"],
    ),
    *(
        (
            f"{role} who reads phones",
            {
                **changed("core/plugin.yaml", "roles:\n", f"roles:\n  {role}: {{title: 测试}}\n"),
                ACCESS: GOOD[ACCESS] + f"  - {{role: {role}, entity: house, can: [read], fields: [phone]}}\n",
            },
            ["alpha/access.yaml:6:12 access.impersonal-role"],
        )
        for role in ("anonymous", "system_admin")
    ),
    (
        "a citizen's office",
        rule("entity: block, can: [read], scope: staff"),
        ["alpha/access.yaml:6:57 access.scope-role"],
    ),
    (
        "how well an office is known",
        appended(ACCESS, "  - {role: alpha_clerk, entity: block, can: [read], real_name: 2}\n"),
        ["alpha/access.yaml:6:64 access.real-name-role"],
    ),
    (
        "known beyond all",
        rule("entity: block, can: [read], real_name: 4"),
        ["alpha/access.yaml:6:61 manifest.out-of-range"],
    ),
    (
        "no rows point here so",
        rule("entity: block, can: [read], where: 'houses.exists(h, h.owner == me.person) || flats.exists(f, true)'"),
        ["alpha/access.yaml:6:57 expr.invalid"],
    ),
    (
        "a computed value that asks tables",
        field("type: computed, as: boolean, expr: 'houses.exists(h, h.area > 1.5)'"),
        ["alpha/entities/block.yaml:6:52 entity.computed-scope"],
    ),
    # codes, data, demo, jobs, i18n
    (
        "code set and file",
        changed(KINDS, "code_set: kinds", "code_set: kind"),
        [
            "alpha/codes/kinds.yaml:1:11 codes.name-file",
            "alpha/entities/house.yaml:13:38 entity.codes-unknown",
            "alpha/i18n/en.yaml:3:1 i18n.path-unknown",
        ],
    ),
    ("double code", appended(KINDS, "  - {code: a, title: 又}\n"), ["alpha/codes/kinds.yaml:7:5 codes.duplicate"]),
    (
        "unknown parent",
        appended(KINDS, "  - {code: b, title: 乙, parent: x}\n"),
        ["alpha/codes/kinds.yaml:7:5 codes.parent-unknown"],
    ),
    (
        "parent cycle",
        appended(KINDS, "  - {code: b, title: 乙, parent: c}\n  - {code: c, title: 丙, parent: b}\n"),
        ["alpha/codes/kinds.yaml:7:5 codes.parent-cycle", "alpha/codes/kinds.yaml:8:5 codes.parent-cycle"],
    ),
    (
        "code set taken",
        {**GOOD, "beta/plugin.yaml": BETA, "beta/codes/kinds.yaml": GOOD[KINDS]},
        ["beta/codes/kinds.yaml:1:1 codes.id-taken"],
    ),
    (
        "foreign rows",
        changed(ROWS, "entity: block", "entity: core.person"),
        ["alpha/data/blocks.yaml:1:9 data.entity-foreign"],
    ),
    (
        "unknown column",
        appended(ROWS, "  - {name: 四号楼, flors: 3}\n"),
        ["alpha/data/blocks.yaml:5:17 data.field-unknown"],
    ),
    (
        "bad value",
        appended(ROWS, "  - {name: 四号楼, floors: six}\n"),
        ["alpha/data/blocks.yaml:5:25 data.value-invalid"],
    ),
    (
        "bad cell",
        appended(MORE, "四号楼,six,maybe\n"),
        ["alpha/data/more.csv:4:1 data.value-invalid", "alpha/data/more.csv:4:1 data.value-invalid"],
    ),
    ("missing value", appended(ROWS, "  - {floors: 3}\n"), ["alpha/data/blocks.yaml:5:5 data.value-missing"]),
    ("double row", appended(MORE, "二号楼,3,\n"), ["alpha/data/more.csv:4:1 data.duplicate"]),
    (
        "demo field",
        changed("alpha/demo/houses.yaml", "room:", "rom:"),
        ["alpha/demo/houses.yaml:10:7 demo.field-unknown"],
    ),
    ("cron", changed(JOBS, "30 2 * * *", "60 2 * * *"), ["alpha/jobs.yaml:2:32 job.cron-invalid"]),
    (
        "job twice",
        {**GOOD, "alpha/jobs/more.yaml": GOOD[JOBS]},
        ["alpha/jobs/more.yaml:2:3 job.duplicate", "alpha/jobs/more.yaml:3:3 job.duplicate"],
    ),
    ("language", added("alpha/i18n/French.yaml", "title: Alpha\n"), ["alpha/i18n/French.yaml:1:1 i18n.language"]),
    (
        "text in place",
        added("alpha/i18n/zh-CN.yaml", "entities.house.title: 房\nentities.house.description: 一套房\n"),
        ["alpha/i18n/zh-CN.yaml:1:1 i18n.in-place"],
    ),
    ("no such text", added(FRENCH, "entities.hose.title: Maison\n"), ["alpha/i18n/fr.yaml:1:1 i18n.path-unknown"]),
]
