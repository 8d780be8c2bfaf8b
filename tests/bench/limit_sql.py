"""The limit's statements: what a patient person writes by hand for exactly these operations on these two tables.

Every statement makes the whole answer. The row rule, the masks and the soft delete are inside, as in the product.
$1 and $2 are the first and last division the caller may see.
"""

from __future__ import annotations

from typing import Final

_EVENTS = "e.deleted_at IS NULL AND e.division BETWEEN $1 AND $2"
_PEOPLE = "p.deleted_at IS NULL AND p.division BETWEEN $1 AND $2"
# Where a key finds the rows, IS TRUE keeps the range away from the indexes: a generic plan would join them in.
_EVENTS_BY_KEY = "e.deleted_at IS NULL AND (e.division BETWEEN $1 AND $2) IS TRUE"
_PEOPLE_BY_KEY = "p.deleted_at IS NULL AND (p.division BETWEEN $1 AND $2) IS TRUE"
_NAME = "substr(p.name, 1, 1) || '**'"
_PHONE = "substr(p.phone, 1, 3) || '****' || substr(p.phone, length(p.phone) - 3)"

_PG_DATE = """to_char(e.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "happenedAt\""""
_PG_EIGHT = f"e.id, e.title, e.category, e.state, e.amount::text AS amount, {_PG_DATE}, e.score, e.urgent"
_PG_NEWEST = f"""FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4
    ORDER BY e.happened_at DESC NULLS LAST"""
_PG_REPORTER = f"""(SELECT row_to_json(r) FROM (SELECT p.id, {_NAME} AS name, {_PHONE} AS phone, p.sex
    FROM bench_person p
    WHERE p.id = e.reporter_id AND {_PEOPLE_BY_KEY}) r) AS reporter"""
_PG_OF_PERSON = f"""(SELECT row_to_json(n) FROM (SELECT array_to_json(ARRAY(SELECT row_to_json(s) FROM
    (SELECT e.id, e.title, e.state, {_PG_DATE}, e.score FROM bench_event e
    WHERE e.reporter_id = p.id AND {_EVENTS_BY_KEY}
    ORDER BY e.happened_at DESC NULLS LAST LIMIT 5) s)) AS nodes) n) AS events"""


def _pg_list(name: str, rows: str) -> str:
    nodes = f"array_to_json(ARRAY(SELECT row_to_json(t) FROM ({rows}) t))::text"
    return f"""SELECT '{{"data":{{"{name}":{{"nodes":' || {nodes} || '}}}}}}'"""


POSTGRES: Final = {
    "Q1": f"""SELECT '{{"data":{{"benchEvent":' || coalesce((SELECT row_to_json(t) FROM
        (SELECT {_PG_EIGHT} FROM bench_event e
        WHERE e.id = $3::uuid AND {_EVENTS_BY_KEY}) t)::text, 'null') || '}}}}'""",
    "Q2": _pg_list("benchEvents", f"SELECT {_PG_EIGHT} {_PG_NEWEST} LIMIT 50"),
    "Q3": _pg_list("benchEvents", f"SELECT e.id, e.title, e.state, {_PG_DATE}, {_PG_REPORTER} {_PG_NEWEST} LIMIT 20"),
    "Q4": _pg_list(
        "benchPeople",
        f"""SELECT p.id, {_NAME} AS name, {_PG_OF_PERSON} FROM bench_person p
        WHERE {_PEOPLE} AND p.division = $3 AND p.number > $4 ORDER BY p.number NULLS FIRST LIMIT 20""",
    ),
}

_LITE_AMOUNT = """CASE WHEN e.amount IS NOT NULL THEN
    printf('%s%d.%02d', iif(e.amount < 0, '-', ''), abs(e.amount) / 100, abs(e.amount) % 100) END"""
_LITE_URGENT = "CASE e.urgent WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"
_LITE_FOUR = "'id', e.id, 'title', e.title, 'state', e.state, 'happenedAt', e.happened_at"
_LITE_EIGHT = f"""json_object('id', e.id, 'title', e.title, 'category', e.category, 'state', e.state,
    'amount', {_LITE_AMOUNT}, 'happenedAt', e.happened_at, 'score', e.score, 'urgent', {_LITE_URGENT})"""
_LITE_NEWEST = f"""FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4
    ORDER BY e.happened_at DESC"""
_LITE_REPORTER = f"""json((SELECT json_object('id', p.id, 'name', {_NAME}, 'phone', {_PHONE}, 'sex', p.sex)
    FROM bench_person p WHERE p.id = e.reporter_id AND {_PEOPLE_BY_KEY}))"""
_LITE_OF_PERSON = f"""json_object('nodes', json((SELECT '[' || coalesce(group_concat(o), '') || ']' FROM
    (SELECT json_object({_LITE_FOUR}, 'score', e.score) AS o FROM bench_event e
    WHERE e.reporter_id = p.id AND {_EVENTS_BY_KEY} ORDER BY e.happened_at DESC LIMIT 5))))"""


def _lite_list(name: str, rows: str) -> str:
    nodes = "coalesce(group_concat(o), '')"
    sql = f"""SELECT '{{"data":{{"{name}":{{"nodes":[' || {nodes} || ']}}}}}}' FROM ({rows})"""
    return _numbered(sql)


def _numbered(sql: str) -> str:
    """In SQLite "$1" is a name; "?1" is a number."""
    return sql.replace("$", "?")


SQLITE: Final = {
    "Q1": _numbered(
        f"""SELECT '{{"data":{{"benchEvent":' || coalesce((SELECT {_LITE_EIGHT}
        FROM bench_event e WHERE e.id = $3 AND {_EVENTS_BY_KEY}), 'null') || '}}}}'"""
    ),
    "Q2": _lite_list("benchEvents", f"SELECT {_LITE_EIGHT} AS o {_LITE_NEWEST} LIMIT 50"),
    "Q3": _lite_list(
        "benchEvents", f"SELECT json_object({_LITE_FOUR}, 'reporter', {_LITE_REPORTER}) AS o {_LITE_NEWEST} LIMIT 20"
    ),
    "Q4": _lite_list(
        "benchPeople",
        f"""SELECT json_object('id', p.id, 'name', {_NAME}, 'events', {_LITE_OF_PERSON}) AS o FROM bench_person p
        WHERE {_PEOPLE} AND p.division = $3 AND p.number > $4 ORDER BY p.number LIMIT 20""",
    ),
}
