"""Bad files, tables, shapes and plugins, and every problem the check must find."""

from __future__ import annotations

from tests.manifest.changes import (
    BETA,
    BLOCK,
    COLOURS,
    FRENCH,
    KINDS,
    MORE,
    PLUGIN,
    Case,
    added,
    appended,
    field,
    rule,
    without,
)
from tests.manifest.folders import GOOD, HEAD, changed

#: Nine times nine times …: 3.4 × 10^8 values in nine lines.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

CASES: list[Case] = [
    # YAML
    ("tab", appended(BLOCK, "x:\n\t- 1\n"), ["alpha/entities/block.yaml:8:1 yaml.syntax"]),
    ("unclosed", appended(BLOCK, "x: [1, 2\n"), ["alpha/entities/block.yaml:8:1 yaml.syntax"]),
    ("surrogate", appended(BLOCK, 'description: "\\ud800"\n'), ["alpha/entities/block.yaml:7:17 yaml.syntax"]),
    ("latin-1", added(FRENCH, "title: 'Bâtiment'\n".encode("latin-1")), ["alpha/i18n/fr.yaml:1:10 yaml.encoding"]),
    ("utf-16", added(FRENCH, "title: B\n".encode("utf-16")), ["alpha/i18n/fr.yaml:1:1 yaml.encoding"]),
    ("bell", added(FRENCH, "title: B\nx: \x07\n"), ["alpha/i18n/fr.yaml:2:4 yaml.character"]),
    ("nul", appended(BLOCK, 'description: "a\\0b"\n'), ["alpha/entities/block.yaml:7:14 yaml.character"]),
    ("empty", added(FRENCH, "# nothing\n"), ["alpha/i18n/fr.yaml:2:1 yaml.empty"]),
    ("two documents", appended(BLOCK, "---\na: 1\n"), ["alpha/entities/block.yaml:7:1 yaml.documents"]),
    ("deep", appended(BLOCK, f"x-deep: {'[' * 100_000}\n"), ["alpha/entities/block.yaml:7:39 yaml.depth"]),
    ("bomb", added(FRENCH, BOMB), ["alpha/i18n/fr.yaml:6:20 yaml.too-large"]),
    ("alias of nothing", appended(BLOCK, "x-a: *nope\n"), ["alpha/entities/block.yaml:7:6 yaml.alias-unknown"]),
    ("alias of itself", appended(BLOCK, "x-a: &a [*a]\n"), ["alpha/entities/block.yaml:7:10 yaml.alias-unknown"]),
    ("tag", appended(BLOCK, "x-a: !!python/object/apply:os.system [id]\n"), ["alpha/entities/block.yaml:7:6 yaml.tag"]),
    ("nan", appended(BLOCK, "x-a: .nan\n"), ["alpha/entities/block.yaml:7:6 yaml.number"]),
    ("long number", appended(BLOCK, f"x-a: {'9' * 5000}\n"), ["alpha/entities/block.yaml:7:6 yaml.number"]),
    ("number as key", appended(BLOCK, "x-a: {1: a}\n"), ["alpha/entities/block.yaml:7:7 yaml.key-type"]),
    ("list as key", appended(BLOCK, "x-a: {[b]: a}\n"), ["alpha/entities/block.yaml:7:7 yaml.key-type"]),
    ("merge key", appended(BLOCK, "x-a: {<<: {b: 1}}\n"), ["alpha/entities/block.yaml:7:7 yaml.merge-key"]),
    ("double key", appended(BLOCK, "title: 又\n"), ["alpha/entities/block.yaml:7:1 yaml.duplicate-key"]),
    # files
    ("ten megabytes", added(FRENCH, b"title: B\n" * 1_165_000), ["alpha/i18n/fr.yaml:0:0 file.too-large"]),
    ("big table", added(COLOURS, "code,title\n" + "r,红\n" * 900_000), ["alpha/codes/colours.csv:0:0 file.too-large"]),
    (
        "too many files",
        {**GOOD, **{f"alpha/docs/README{i}": "" for i in range(2001)}},
        ["alpha/plugin.yaml:0:0 file.too-many"],
    ),
    ("misspelt folder", added("alpha/entites/x.yaml", "a: 1\n"), ["alpha/entites/x.yaml:0:0 file.unknown"]),
    ("wrong suffix", added("alpha/entities/x.yml", "a: 1\n"), ["alpha/entities/x.yml:0:0 file.unknown"]),
    ("stray table", added("alpha/codes/x.csv", "a\n"), ["alpha/codes/x.csv:0:0 file.unknown"]),
    # tables
    (
        "table not UTF-8",
        added(COLOURS, "code,title\nr,\xe9\n".encode("latin-1")),
        ["alpha/codes/colours.csv:1:1 csv.encoding"],
    ),
    (
        "table header",
        added(COLOURS, "code,name\nr,红\n"),
        ["alpha/codes/colours.csv:1:1 csv.header", "alpha/codes/colours.csv:1:1 csv.header"],
    ),
    ("double column", added(MORE, "name,name\na,b\n"), ["alpha/data/more.csv:1:1 csv.header"]),
    ("no table", without(COLOURS), ["alpha/codes/colours.yaml:4:7 csv.missing"]),
    ("cells", added(COLOURS, "code,title\nr,红,x\n"), ["alpha/codes/colours.csv:2:1 csv.row"]),
    ("empty code", added(COLOURS, "code,title\n,红\n"), ["alpha/codes/colours.csv:2:1 csv.row"]),
    ("open quote", added(COLOURS, 'code,title\nr,"红\n'), ["alpha/codes/colours.csv:2:1 csv.syntax"]),
    ("table with NUL", added(COLOURS, "code,title\nr,红\0\n"), ["alpha/codes/colours.csv:2:1 csv.syntax"]),
    # shape
    ("unknown key", appended(BLOCK, "titel: x\n"), ["alpha/entities/block.yaml:7:1 manifest.unknown-key"]),
    ("unknown option", field("type: string, maxx: 3"), ["alpha/entities/block.yaml:6:31 manifest.unknown-key"]),
    ("missing key", changed(BLOCK, "title: 楼\n", ""), ["alpha/entities/block.yaml:1:1 manifest.key-missing"]),
    ("missing option", field("type: enum"), ["alpha/entities/block.yaml:6:6 manifest.key-missing"]),
    ("list without values", field("type: list, of: enum"), ["alpha/entities/block.yaml:6:3 manifest.key-missing"]),
    ("number as text", changed(BLOCK, "min: 1,", 'min: "1",'), ["alpha/entities/block.yaml:5:43 manifest.wrong-type"]),
    ("yes is text", field("type: string, required: yes"), ["alpha/entities/block.yaml:6:41 manifest.wrong-type"]),
    ("no mapping", added("alpha/jobs.yaml", "- a\n"), ["alpha/jobs.yaml:1:1 manifest.wrong-type"]),
    ("unknown type", field("type: strnig"), ["alpha/entities/block.yaml:6:23 manifest.not-allowed"]),
    ("unknown action", rule("entity: block, can: [raed]"), ["alpha/access.yaml:6:43 manifest.not-allowed"]),
    (
        "fields as a word",
        rule("entity: block, can: [read], fields: all"),
        ["alpha/access.yaml:6:58 manifest.not-allowed"],
    ),
    ("other format", changed(PLUGIN, "manifest: 1", "manifest: 2"), ["alpha/plugin.yaml:1:11 manifest.not-allowed"]),
    ("non-ASCII field", field("type: string", "层数"), ["alpha/entities/block.yaml:6:3 manifest.bad-name"]),
    ("lookup name", field("type: string", "a__b"), ["alpha/entities/block.yaml:6:3 manifest.bad-name"]),
    ("capital name", field("type: string", "Meta"), ["alpha/entities/block.yaml:6:3 manifest.bad-name"]),
    ("long name", field("type: string", "f" * 42), ["alpha/entities/block.yaml:6:3 manifest.bad-name"]),
    ("non-ASCII value", field("type: enum, values: {红: 红}"), ["alpha/entities/block.yaml:6:38 manifest.bad-name"]),
    ("bad id", added("Beta/plugin.yaml", HEAD.format(id="Beta")), ["Beta/plugin.yaml:2:5 manifest.bad-format"]),
    ("version", changed(PLUGIN, "0.1.0", "v1"), ["alpha/plugin.yaml:4:17 manifest.bad-format"]),
    (
        "long title",
        changed(BLOCK, "title: 楼\n", f"title: {'楼' * 61}\n"),
        ["alpha/entities/block.yaml:2:8 manifest.out-of-range"],
    ),
    ("double action", rule("entity: block, can: [read, read]"), ["alpha/access.yaml:6:42 manifest.duplicate-item"]),
    (
        "remote $ref",
        appended(BLOCK, "$ref: https://example.com/x.json\n"),
        ["alpha/entities/block.yaml:7:1 manifest.ref-refused"],
    ),
    ("inner $ref", field("type: string, x-a: {$ref: '#/x'}"), ["alpha/entities/block.yaml:6:37 manifest.ref-refused"]),
    ("two sources", appended(KINDS, "file: colours.csv\n"), ["alpha/codes/kinds.yaml:1:1 manifest.one-source"]),
    (
        "no source",
        changed("alpha/codes/colours.yaml", "file: colours.csv\n", ""),
        ["alpha/codes/colours.csv:0:0 file.unknown", "alpha/codes/colours.yaml:1:1 manifest.one-source"],
    ),
    # plugins
    ("no plugin.yaml", added("beta/README", ""), ["beta/plugin.yaml:0:0 plugin.file-missing"]),
    ("id and folder", added("beta/plugin.yaml", HEAD.format(id="gamma")), ["beta/plugin.yaml:2:5 plugin.id-folder"]),
    ("reserved id", added("tb/plugin.yaml", HEAD.format(id="tb")), ["tb/plugin.yaml:2:5 plugin.id-reserved"]),
    ("cycle of one", appended(PLUGIN, "requires: [alpha]\n"), ["alpha/plugin.yaml:13:11 plugin.cycle"]),
    ("not installed", appended(PLUGIN, "requires: [beta]\n"), ["alpha/plugin.yaml:13:11 plugin.requires-missing"]),
    (
        "waits",
        {**appended(PLUGIN, "requires: [beta]\n"), "beta/plugin.yaml": BETA + "requires: [gamma]\n"},
        ["alpha/plugin.yaml:13:11 plugin.waits", "beta/plugin.yaml:8:11 plugin.requires-missing"],
    ),
    ("conflict", appended(PLUGIN, "conflicts: [core]\n"), ["alpha/plugin.yaml:1:1 plugin.conflict"]),
    (
        "not required",
        {**rule("entity: beta.x, can: [read]"), "beta/plugin.yaml": BETA},
        ["alpha/access.yaml:6:30 plugin.not-required"],
    ),
    (
        "role prefix",
        changed(PLUGIN, "  alpha_clerk:", "  boss: {title: 头}\n  alpha_clerk:"),
        ["alpha/plugin.yaml:12:3 plugin.role-prefix"],
    ),
    (
        "id taken",
        {**GOOD, "twin/plugin.yaml": GOOD[PLUGIN]},
        ["twin/plugin.yaml:2:5 plugin.id-folder", "twin/plugin.yaml:2:5 plugin.id-taken"],
    ),
]
