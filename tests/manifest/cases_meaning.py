"""Bad heads and entities, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import (
    ACCESS,
    BLOCK,
    FRENCH,
    HOUSE,
    PLUGIN,
    Case,
    added,
    appended,
    entity,
    field,
    rule,
)
from tests.manifest.folders import GOOD, HEAD, changed

CASES: list[Case] = [
    (
        "periods of nothing",
        added(
            "alpha/entities/term.yaml",
            "entity: term\ntitle: 任期\nfields:\n  on: {type: date, title: 起}\n  till: {type: datetime, title: 止}\n"
            "  spot: {type: point, title: 点}\nno_overlap: [{per: [spot, nobody], since: on, until: till}]\n",
        ),
        [
            "alpha/entities/term.yaml:7:21 entity.period",
            "alpha/entities/term.yaml:7:27 entity.period",
            "alpha/entities/term.yaml:7:54 entity.period",
        ],
    ),
    (
        "a head that does not fit, and what else is wrong",
        {
            **appended(ACCESS, "  - {role: alpha_clerk, entity: hose, can: [read]}\n"),
            PLUGIN: HEAD.format(id="alpha").replace("case_prefix: TS\n", ""),
            FRENCH: "roles.alpha_clerk.title: Agent\nentities.hose.title: Maison\n",
        },
        [
            "alpha/access.yaml:6:33 entity.unknown",
            "alpha/i18n/fr.yaml:2:1 i18n.path-unknown",
            "alpha/plugin.yaml:1:1 manifest.key-missing",
        ],
    ),
    (
        "a head whose requirements cannot be read",
        {**field("type: ref, to: core.persn"), PLUGIN: HEAD.format(id="alpha") + "requires: core\n"},
        ["alpha/plugin.yaml:8:11 manifest.wrong-type"],
    ),
    # entities
    (
        "name and file",
        added("alpha/entities/b.yaml", "entity: a\ntitle: 甲\nfields: {x: {type: date, title: 日}}\n"),
        ["alpha/entities/b.yaml:1:9 entity.name-file"],
    ),
    (
        "long table",
        {
            **GOOD,
            "alpha_beta/plugin.yaml": HEAD.format(id="alpha_beta"),
            f"alpha_beta/entities/{'e' * 41}.yaml": f"entity: {'e' * 41}\ntitle: 长\nfields:\n"
            "  a: {type: date, title: 日}\n",
        },
        ["alpha_beta/entities/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.yaml:1:9 entity.name-too-long"],
    ),
    ("Python keyword", field("type: string", "class"), ["alpha/entities/block.yaml:6:3 entity.name-reserved"]),
    ("mapper's word", field("type: string", "filter"), ["alpha/entities/block.yaml:6:3 entity.name-reserved"]),
    ("system column", field("type: string", "created_at"), ["alpha/entities/block.yaml:6:3 entity.name-reserved"]),
    ("unknown ref", field("type: ref, to: hose"), ["alpha/entities/block.yaml:6:32 entity.ref-unknown"]),
    ("ref to no plugin", field("type: ref, to: cor.person"), ["alpha/entities/block.yaml:6:32 entity.ref-unknown"]),
    (
        "set null",
        changed(HOUSE, "required: true, inverse", "required: true, on_delete: set_null, inverse"),
        ["alpha/entities/house.yaml:6:70 entity.ref-set-null"],
    ),
    (
        "second order",
        {**changed(BLOCK, "title: 楼\n", ""), ACCESS: GOOD[ACCESS].replace("resident", "residnt")},
        ["alpha/access.yaml:2:12 access.role-unknown", "alpha/entities/block.yaml:1:1 manifest.key-missing"],
    ),
    (
        "what is well beside what is bad",
        changed(
            BLOCK,
            "  is_old:",
            "  f: {type: strnig, title: 列}\n"
            "  filter: {type: ref, to: hose, title: 列}\n  g: {type: ref, to: hose, title: 列}\n  is_old:",
        ),
        [
            "alpha/entities/block.yaml:6:13 manifest.not-allowed",
            "alpha/entities/block.yaml:7:3 entity.name-reserved",
            "alpha/entities/block.yaml:7:27 entity.ref-unknown",
            "alpha/entities/block.yaml:8:22 entity.ref-unknown",
        ],
    ),
    (
        "foreign inverse",
        field("type: ref, to: core.person, inverse: blocks"),
        ["alpha/entities/block.yaml:6:54 entity.inverse-foreign"],
    ),
    (
        "double inverse",
        field("type: ref, to: house, inverse: room"),
        ["alpha/entities/block.yaml:6:48 entity.inverse-duplicate"],
    ),
    (
        "inverse twice",
        entity(
            "x",
            "  a: {type: ref, title: 甲, to: block, inverse: xs}\n"
            "  b: {type: ref, title: 乙, to: block, inverse: xs}\n",
        ),
        ["alpha/entities/x.yaml:4:48 entity.inverse-duplicate", "alpha/entities/x.yaml:5:48 entity.inverse-duplicate"],
    ),
    (
        "one GraphQL name",
        entity("x", "  a_1: {type: date, title: 甲}\n  a1: {type: date, title: 乙}\n"),
        ["alpha/entities/x.yaml:4:3 entity.field-duplicate", "alpha/entities/x.yaml:5:3 entity.field-duplicate"],
    ),
    (
        "one column",
        entity("x", "  at: {type: point, title: 甲}\n  at_lng7: {type: integer, title: 乙}\n"),
        ["alpha/entities/x.yaml:4:3 entity.field-duplicate", "alpha/entities/x.yaml:5:3 entity.field-duplicate"],
    ),
    (
        "ref and its id",
        changed(HOUSE, "  room:", "  owner_id: {type: string, title: 又}\n  room:"),
        [
            "alpha/entities/house.yaml:7:3 entity.field-duplicate",
            "alpha/entities/house.yaml:8:3 entity.field-duplicate",
        ],
    ),
    (
        "one type",
        entity("house_edge", "  a: {type: date, title: 日}\n"),
        ["alpha/entities/house_edge.yaml:1:1 entity.graphql-duplicate"],
    ),
    ("one list", appended(BLOCK, "plural: block\n"), ["alpha/entities/block.yaml:1:1 entity.graphql-duplicate"]),
    (
        "L4 on a work key",
        changed(HOUSE, "owner: {type: ref,", "owner: {type: ref, level: L4, purpose: care,"),
        ["alpha/entities/house.yaml:7:3 entity.level-unsealable"],
    ),
    ("keyed list", field("type: list, of: string, keyed: true"), ["alpha/entities/block.yaml:6:48 entity.keyed-type"]),
    (
        "L4 that shall be unique",
        changed(HOUSE, "level: L4, purpose: care}", "level: L4, purpose: care, unique: true}"),
        ["alpha/entities/house.yaml:11:70 entity.index-sealed"],
    ),
    (
        "rule over a sealed value",
        rule("entity: house, can: [read], except: [illness], where: owner == me.person && illness == 'x'"),
        ["alpha/access.yaml:6:76 expr.sealed"],
    ),
    (
        "reference rows about people",
        added(
            BLOCK,
            GOOD[BLOCK].replace("title: 楼\n", "title: 楼\nsubject: who\n")
            + "  who: {type: ref, title: 谁, to: core.person}\n",
        ),
        ["alpha/data/blocks.yaml:1:9 data.personal", "alpha/data/more.yaml:1:9 data.personal"],
    ),
    (
        "index of nothing",
        appended(BLOCK, "indexes: [[nmae]]\n"),
        ["alpha/entities/block.yaml:7:12 entity.field-unknown"],
    ),
    (
        "a broken index beside an index of nothing",
        appended(BLOCK, "indexes: [5, [nmae]]\n"),
        ["alpha/entities/block.yaml:7:11 manifest.wrong-type", "alpha/entities/block.yaml:7:15 entity.field-unknown"],
    ),
    ("display of nothing", appended(BLOCK, "display: nmae\n"), ["alpha/entities/block.yaml:7:10 entity.field-unknown"]),
    (
        "index of a list",
        changed(HOUSE, "[[use, -created_at]]", "[[tags]]"),
        ["alpha/entities/house.yaml:18:12 entity.not-indexable"],
    ),
    (
        "unique point",
        changed(HOUSE, "[[block, room]]", "[[at]]"),
        ["alpha/entities/house.yaml:19:11 entity.not-indexable"],
    ),
    ("minimum", field("type: integer, min: 9, max: 1"), ["alpha/entities/block.yaml:6:37 entity.field-range"]),
    ("scale", field("type: decimal, precision: 2, scale: 4"), ["alpha/entities/block.yaml:6:53 entity.field-range"]),
    (
        "division from",
        appended(BLOCK, "division_from: name\n"),
        ["alpha/entities/block.yaml:7:16 entity.division-from"],
    ),
    (
        "renamed entity",
        appended(BLOCK, "renamed_from: house\n"),
        ["alpha/entities/block.yaml:7:15 entity.renamed-exists"],
    ),
    (
        "renamed field",
        field("type: string, renamed_from: name"),
        ["alpha/entities/block.yaml:6:45 entity.renamed-exists"],
    ),
    ("level missing", field("type: idno"), ["alpha/entities/block.yaml:6:3 entity.level-missing"]),
    (
        "level too high",
        changed(PLUGIN, "data_level_max: L4", "data_level_max: L2"),
        [
            "alpha/entities/house.yaml:10:42 entity.level-too-high",
            "alpha/entities/house.yaml:11:43 entity.level-too-high",
        ],
    ),
    (
        "purpose missing",
        field("type: string, level: L4"),
        [
            "alpha/entities/block.yaml:1:1 entity.subject-missing",
            "alpha/entities/block.yaml:6:3 entity.purpose-missing",
        ],
    ),
    (
        "purpose of personal data missing",
        {**field("type: phone, level: L3"), BLOCK: f"{field('type: phone, level: L3')[BLOCK]!s}subject: none\n"},
        ["alpha/entities/block.yaml:6:3 entity.purpose-missing"],
    ),
    (
        "a mask without a level",
        field("type: string, mask: tail4"),
        ["alpha/entities/block.yaml:6:3 entity.level-missing"],
    ),
    (
        "where somebody is, and how he fares",
        entity(
            "x",
            "  who: {type: ref, title: 谁, to: core.person}\n  at: {type: point, title: 处}\n"
            "  a: {type: string, title: 现住址}\n  b: {type: text, title: 病史}\n  c: {type: string, title: 备注}\n"
            "subject: who\n",
        ),
        [
            "alpha/entities/x.yaml:5:3 entity.level-missing",
            "alpha/entities/x.yaml:6:3 entity.level-missing",
            "alpha/entities/x.yaml:7:3 entity.level-missing",
        ],
    ),
    (
        "about a text",
        entity("x", "  name: {type: string, title: 名}\nsubject: name\n"),
        ["alpha/entities/x.yaml:5:10 entity.subject"],
    ),
    (
        "a house is nobody",
        changed(HOUSE, "subject: owner", "subject: self"),
        ["alpha/entities/house.yaml:20:10 entity.subject"],
    ),
    (
        "beyond the person",
        changed(HOUSE, "subject: owner", "subject: owner.name"),
        ["alpha/entities/house.yaml:20:10 entity.subject"],
    ),
    (
        "two people, the second of them no person, and nobody among people",
        changed(HOUSE, "subject: owner", "subject: [owner, block, none, self]"),
        [
            "alpha/entities/house.yaml:20:18 entity.subject",
            "alpha/entities/house.yaml:20:25 entity.subject",
            "alpha/entities/house.yaml:20:31 entity.subject",
        ],
    ),
    (
        "the same person twice",
        changed(HOUSE, "subject: owner", "subject: [owner, owner]"),
        ["alpha/entities/house.yaml:20:10 manifest.duplicate-item"],
    ),
    (
        "a list of numbers",
        changed(HOUSE, "subject: owner", "subject: [owner, 7]"),
        ["alpha/entities/house.yaml:20:18 manifest.wrong-type"],
    ),
    (
        "a person left out",
        changed(HOUSE, "  room: {", "  guest: {type: ref, title: 客, to: core.person}\n  room: {"),
        ["alpha/entities/house.yaml:21:10 entity.subject-left-out"],
    ),
    ("a case of numbers", appended(BLOCK, "case: floors\n"), ["alpha/entities/block.yaml:7:7 entity.case"]),
    ("a group of one", appended(BLOCK, "group_min: 1\n"), ["alpha/entities/block.yaml:7:12 manifest.out-of-range"]),
    (
        "consent of nobody",
        field("type: string, level: L3, purpose: care"),
        [
            "alpha/entities/block.yaml:1:1 entity.subject-missing",
            "alpha/entities/block.yaml:6:3 entity.consent-subject",
        ],
    ),
    (
        "purpose unknown",
        field("type: string, purpose: cure"),
        ["alpha/entities/block.yaml:6:40 entity.purpose-unknown"],
    ),
    ("unknown codes", field("type: code, set: kins"), ["alpha/entities/block.yaml:6:34 entity.codes-unknown"]),
    ("bad default", field("type: integer, default: 1.5"), ["alpha/entities/block.yaml:6:41 entity.default-invalid"]),
    (
        "default of a code",
        field("type: code, set: kinds, default: zz"),
        ["alpha/entities/block.yaml:6:50 entity.default-invalid"],
    ),
    (
        "path without a way up",
        field("type: path, parent: house, segment: name"),
        ["alpha/entities/block.yaml:6:37 entity.path-fields"],
    ),
    (
        "path without names",
        entity(
            "unit",
            "  up: {type: ref, title: 上, to: unit}\n  code: {type: string, title: 码}\n"
            "  path: {type: path, title: 路, parent: up, segment: code}\n",
        ),
        ["alpha/entities/unit.yaml:6:53 entity.path-fields"],
    ),
    (
        "path of a root that cannot be",
        entity(
            "unit",
            "  up: {type: ref, title: 上, to: unit, required: true}\n"
            "  code: {type: string, title: 码, required: true}\n"
            "  path: {type: path, title: 路, parent: up, segment: code}\n",
        ),
        ["alpha/entities/unit.yaml:6:40 entity.path-fields"],
    ),
    (
        "sequence",
        field('type: sequence, format: "CM{date:%Y}"'),
        ["alpha/entities/block.yaml:6:41 entity.sequence-format"],
    ),
    (
        "Unicode class",
        field("type: string, pattern: '^\\p{L}+$'"),
        ["alpha/entities/block.yaml:6:40 entity.pattern-unicode"],
    ),
    ("look-ahead", field("type: string, pattern: '(?=a)b'"), ["alpha/entities/block.yaml:6:40 entity.pattern-invalid"]),
    ("broken pattern", field("type: string, pattern: '[a'"), ["alpha/entities/block.yaml:6:40 entity.pattern-invalid"]),
    (
        "catastrophic pattern",
        field("type: string, pattern: '^(a+)+$'"),
        ["alpha/entities/block.yaml:6:40 entity.pattern-backtracking"],
    ),
    (
        "overlap",
        field("type: string, pattern: '^(a|a)*$'"),
        ["alpha/entities/block.yaml:6:40 entity.pattern-backtracking"],
    ),
    (
        "computed type",
        field("type: computed, as: date, expr: floors + 1"),
        ["alpha/entities/block.yaml:6:37 entity.computed-type"],
    ),
    (
        "computed level",
        changed(HOUSE, "expr: area > 144,", "expr: phone == illness,"),
        ["alpha/entities/house.yaml:16:3 entity.computed-level"],
    ),
    (
        "computed by caller",
        field("type: computed, as: boolean, expr: name == me.id"),
        ["alpha/entities/block.yaml:6:52 entity.computed-scope"],
    ),
    (
        "stored clock",
        field("type: computed, as: date, expr: today(), stored: true"),
        ["alpha/entities/block.yaml:6:49 entity.computed-scope"],
    ),
]
