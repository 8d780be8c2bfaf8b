"""A person's data to take away: JSON for machines, one page of HTML for people. The page loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import orjson

from core.expr.clock import CHINA
from core.manifest.sections.plugin import FOUNDATION
from core.privacy.engine_rows import EngineRows
from core.privacy.my_data import MyData, Section
from core.privacy.retention import told
from core.store.dialect import datetime_text
from core.store.json_values import to_json

#: Raised when a key of the document changes its meaning or goes; new keys do not count.
SCHEMA = "tongban.my-data/1"
BASES = {"legal_duty": "法定职责", "consent": "本人同意", "contract": "办理本人申请的事项"}
PERSON = "core.person"
SAID = {"grant": "同意", "withdraw": "撤回同意"}
#: Entity → its title, titles of its fields by name.
Words = Mapping[str, tuple[str, Mapping[str, str]]]
_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ISO_DAY = re.compile(r"^(\d{4})-(\d\d)-(\d\d)")
STATES = {"running": "正在使用", "off": "应用已停用", "removed": "应用已移除，数据仍在"}


def document(
    my_data: MyData, person: str, sections: Sequence[Section], consents: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """What both formats show."""
    return {
        "schema": SCHEMA,
        "exportedAt": datetime_text(now),
        "person": person,
        "sections": [_section(my_data, section) for section in sections],
        "consents": list(consents),
    }


def to_json_text(exported: Mapping[str, Any]) -> str:
    return orjson.dumps(exported, option=orjson.OPT_INDENT_2).decode()


def _section(my_data: MyData, section: Section) -> dict[str, Any]:
    holding = section.holding
    entity = holding.entity
    return {
        "plugin": {"id": entity.plugin_id, "title": holding.plugin_title, "state": section.state},
        "department": holding.department,
        "entity": entity.key,
        "title": entity.title,
        "fields": [
            {"name": f.name, "title": f.title, "type": f.type, "level": f.level, "purpose": f.purpose or None}
            for f in entity.fields.values()
        ],
        "purposes": [
            {
                "id": p.id, "title": p.title, "basis": p.basis, "basisTitle": BASES[p.basis], "text": p.text,
                "retention": p.retention, "retentionTitle": told(p.retention),
            }
            for p in holding.purposes.values()
            if any(f.purpose == p.id for f in entity.fields.values())
        ],
        "rows": [
            {
                "id": row["id"],
                "createdAt": datetime_text(row["created_at"]),
                "updatedAt": datetime_text(row["updated_at"]),
                "deletedAt": datetime_text(row["deleted_at"]) if row["deleted_at"] else None,
                "values": {v.field.name: v.json for v in my_data.values(holding, row)},
                "texts": {v.field.name: v.text for v in my_data.values(holding, row) if v.text},
            }
            for row in section.rows
        ],
    }  # fmt: skip


def engine_section(one: EngineRows, rows: Sequence[Mapping[str, Any]], plugin: str, department: str) -> dict[str, Any]:
    """The same of what the host's own tables hold."""
    return {
        "plugin": {"id": FOUNDATION, "title": plugin, "state": "running"}, "department": department,
        "entity": one.id, "title": one.title,
        "fields": [
            {"name": name, "title": title, "type": "string", "level": "L2", "purpose": None}
            for name, title in one.shown.items()
        ],
        "purposes": [
            {
                "id": "record", "title": one.title, "basis": "legal_duty", "basisTitle": BASES["legal_duty"],
                "text": "办理您的事情留下的记录", "retention": "", "retentionTitle": one.kept,
            }
        ],
        "rows": [
            {
                "id": row["id"], "createdAt": datetime_text(row[one.made_at]),
                "updatedAt": datetime_text(row[one.changed_at]), "deletedAt": None,
                "values": {name: to_json(row[name]) for name in one.shown if row[name] is not None},
                "texts": {name: words_of(row[name]) for name in one.shown if row[name] is not None},
            }
            for row in rows
        ],
    }  # fmt: skip


def words_of(value: Any) -> str:
    """As a citizen reads it."""
    return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else str(to_json(value))


def to_page(exported: Mapping[str, Any]) -> str:
    """Self-contained, printable, legible for old eyes: no script, no address is loaded."""
    made, name = _day_and_time(exported["exportedAt"]), escape(_name(exported))
    # The reader looks for herself first.
    ordered = sorted(exported["sections"], key=lambda section: section["entity"] != PERSON)
    words = {s["entity"]: (s["title"], {f["name"]: f["title"] for f in s["fields"]}) for s in ordered}
    sections = "\n".join(_section_html(section, words) for section in ordered)
    index = "".join(f'<li><a href="#{_anchor(s)}">{_title(s)}</a>（{len(s["rows"])} 条）</li>' for s in ordered)
    if exported["consents"]:
        index += f'<li><a href="#consents">同意和撤回</a>（{len(exported["consents"])} 次）</li>'
    return f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{name}的个人信息</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{name}的个人信息</h1>
<p>这里是本平台各个应用保存的、与{name}有关的全部信息，已经停用的应用也在内。</p>
<p>打印或保存的时间：{made}。请收好，不要转给别人。</p>
</header>
<nav aria-label="目录"><h2>目录</h2><ul>{index or f"<li>没有与{name}有关的信息</li>"}</ul></nav>
<main>
{sections}
{_consents_html(exported)}
</main>
<footer><p>哪里写错了，可以申请更正；不再需要保存的，可以申请删除。在手机上办，或者带身份证到政务服务窗口办。</p></footer>
</body>
</html>
"""


def _name(exported: Mapping[str, Any]) -> str:
    """Whose page it is: a guardian prints the pages of several children."""
    rows = [row for section in exported["sections"] if section["entity"] == PERSON for row in section["rows"]]
    return str(rows[0]["texts"].get("name") or "我") if rows else "我"


def _title(section: Mapping[str, Any]) -> str:
    return "基本情况" if section["entity"] == PERSON else escape(section["title"])


def _consents_html(exported: Mapping[str, Any]) -> str:
    titles = {f"{s['plugin']['id']}.{p['id']}": p["title"] for s in exported["sections"] for p in s["purposes"]}
    items = "".join(
        f"<li>{_day_and_time(said['at'])}　{SAID[said['action']]}："
        f"{escape(said['title'] or titles.get(said['purpose'], said['purpose']))}"
        f"{'（监护人代为表示）' if said['guardian'] else ''}</li>"
        for said in exported["consents"]
    )
    return (
        f'<section id="consents" aria-label="同意和撤回"><h2>同意和撤回</h2><ul>{items}</ul></section>' if items else ""
    )


def _section_html(section: Mapping[str, Any], words: Words) -> str:
    fields = {field["name"]: field for field in section["fields"]}
    rows = "\n".join(_row_html(row, fields, words) for row in section["rows"])
    purposes = "".join(
        f"<li><strong>{escape(p['title'])}</strong>：{escape(p['text'])}（依据：{p['basisTitle']}；"
        f"保存期限：{escape(p['retentionTitle'])}）</li>"
        for p in section["purposes"]
    )
    why = (
        f'<details open><summary>为什么保存这些信息</summary><ul class="why">{purposes}</ul></details>'
        if purposes
        else ""
    )
    plugin = section["plugin"]
    return f"""<section id="{_anchor(section)}" aria-label="{_title(section)}">
<h2>{_title(section)}</h2>
<p class="from">{escape(plugin["title"])} · {escape(section["department"])} · {STATES[plugin["state"]]}</p>
{why}
{rows}
</section>"""


def _row_html(row: Mapping[str, Any], fields: Mapping[str, Any], words: Words) -> str:
    items = "".join(
        f"<div><dt>{escape(fields[name]['title'])}{_badge(fields[name]['level'])}</dt><dd>{escape(text)}</dd></div>"
        for name, text in readable(row["texts"], fields, words)
    )
    shown = f"<dl>{items}</dl>" if items else "<p>只记录了与其他资料的联系。</p>"
    gone = "<p class=gone>这条记录已从业务中删除，仅存档。</p>" if row["deletedAt"] else ""
    return f"<article>{gone}{shown}<p class=when>登记于 {_day_and_time(row['createdAt'])}</p></article>"


def readable(texts: Mapping[str, str], fields: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Days as people write them; a row that speaks of another one ("core.person", its id, "idno") by its titles."""
    title, titles = next((words[text] for text in texts.values() if text in words), ("", {}))
    for name, text in texts.items():
        if fields[name]["type"] in ("date", "datetime"):
            yield name, _ISO_DAY.sub(r"\1年\2月\3日", text)
        elif not title:
            yield name, text
        elif not _ID.fullmatch(text):
            yield name, title if text in words else titles.get(text, text)


def _badge(level: str) -> str:
    return '<span class="badge">敏感</span>' if level == "L4" else ""


def _anchor(section: Mapping[str, Any]) -> str:
    return escape(section["entity"].replace(".", "-"))


def _day_and_time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(CHINA).strftime("%Y年%m月%d日 %H:%M")


STYLE = """
:root { color-scheme: light; --ink: #1b1f24; --soft: #4a5560; --line: #c9d1d9; --paper: #fff; --ground: #f3f5f7;
  --mark: #8a3b00; --link: #0b4f9e; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.25rem; background: var(--ground); color: var(--ink);
  font: 1.25rem/1.7 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 2.1rem; line-height: 1.3; }
h2 { margin: 0 0 .25rem; font-size: 1.55rem; line-height: 1.35; }
p { margin: 0 0 .75rem; }
a { color: var(--link); display: inline-block; padding: .35rem 0; }
ul { margin: 0; padding-left: 1.4rem; }
nav, section { margin: 1.25rem 0; padding: 1.25rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: .75rem; }
.from, .when, footer { color: var(--soft); font-size: 1.125rem; }
summary { padding: .4rem 0; cursor: pointer; font-weight: 600; }
.why { margin-bottom: 1rem; }
article { margin-top: 1rem; padding-top: 1rem; border-top: 2px solid var(--line); break-inside: avoid; }
dl { margin: 0; display: grid; gap: .6rem 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
dt { color: var(--soft); font-size: 1.125rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap; }
.badge { margin-left: .5rem; padding: 0 .5rem; border: 1px solid var(--mark); border-radius: .4rem; color: var(--mark);
  font-size: 1rem; }
.when { margin: .75rem 0 0; }
.gone { color: var(--mark); }
@media (max-width: 30rem) { body { padding: .75rem; } nav, section { padding: 1rem; } }
@media print { body { background: none; } nav, section { border: 0; padding: 0; } }
"""
