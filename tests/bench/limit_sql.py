"""The limit's statements: what a patient person writes by hand for exactly these five operations on these two tables.

Every statement makes the whole answer. The row rule, the masks and the soft delete are inside, as in the product.
$1 and $2 are the first and last division the caller may see.
"""

from __future__ import annotations

from typing import Final

_PG_DATE = """to_char(e.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "happenedAt\""""
_PG_EIGHT = f"e.id, e.title, e.category, e.state, e.amount::text AS amount, {_PG_DATE}, e.score, e.urgent"
_PG_NAME = "left(p.name, 1) || repeat('*', length(p.name) - 1) AS name"
_PG_PHONE = "left(p.phone, 3) || '****' || right(p.phone, 4) AS phone"
# IS TRUE keeps the range away from the indexes: every statement has a better condition, and a generic plan cannot know it.
_EVENTS = "e.deleted_at IS NULL AND (e.division BETWEEN $1 AND $2) IS TRUE"
_PEOPLE = "p.deleted_at IS NULL AND (p.division BETWEEN $1 AND $2) IS TRUE"


def _pg_list(name: str, rows: str) -> str:
    return f"""SELECT '{{"data":{{"{name}":{{"nodes":' || coalesce(json_agg(row_to_json(t)), '[]')::text || '}}}}}}' FROM ({rows}) t"""


POSTGRES: Final = {
    "Q1": f"""SELECT '{{"data":{{"benchEvent":' || coalesce((SELECT row_to_json(t) FROM
        (SELECT {_PG_EIGHT} FROM bench_event e WHERE e.id = $3::uuid AND {_EVENTS}) t)::text, 'null') || '}}}}'""",
    "Q2": _pg_list(
        "benchEvents",
        f"""SELECT {_PG_EIGHT} FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4
        ORDER BY e.happened_at DESC NULLS LAST LIMIT 50""",
    ),
    "Q3": _pg_list(
        "benchEvents",
        f"""SELECT e.id, e.title, e.state, {_PG_DATE}, (SELECT row_to_json(r) FROM
            (SELECT p.id, {_PG_NAME}, {_PG_PHONE}, p.sex FROM bench_person p WHERE p.id = e.reporter_id AND {_PEOPLE}) r) AS reporter
        FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4
        ORDER BY e.happened_at DESC NULLS LAST LIMIT 20""",
    ),
    "Q4": _pg_list(
        "benchPeople",
        f"""SELECT p.id, {_PG_NAME}, (SELECT json_build_object('nodes', coalesce(json_agg(row_to_json(s)), '[]')) FROM
            (SELECT e.id, e.title, e.state, {_PG_DATE}, e.score FROM bench_event e WHERE e.reporter_id = p.id AND {_EVENTS}
            ORDER BY e.happened_at DESC NULLS LAST LIMIT 5) s) AS events
        FROM bench_person p WHERE {_PEOPLE} AND p.division = $3 AND p.number > $4 ORDER BY p.number NULLS FIRST LIMIT 20""",
    ),
}

_LITE_AMOUNT = """CASE WHEN e.amount IS NOT NULL THEN
    printf('%s%d.%02d', iif(e.amount < 0, '-', ''), abs(e.amount) / 100, abs(e.amount) % 100) END"""
_LITE_EIGHT = f"""'id', e.id, 'title', e.title, 'category', e.category, 'state', e.state, 'amount', {_LITE_AMOUNT},
    'happenedAt', e.happened_at, 'score', e.score, 'urgent', CASE e.urgent WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"""
_LITE_NAME = "substr(p.name, 1, 1) || substr('****************************************', 1, length(p.name) - 1)"
_LITE_PHONE = "substr(p.phone, 1, 3) || '****' || substr(p.phone, -4)"


def _lite_list(name: str, rows: str) -> str:
    return f"""SELECT '{{"data":{{"{name}":{{"nodes":[' || coalesce(group_concat(o), '') || ']}}}}}}' FROM ({rows})"""


_SQLITE: Final = {
    "Q1": f"""SELECT '{{"data":{{"benchEvent":' || coalesce((SELECT json_object({_LITE_EIGHT})
        FROM bench_event e WHERE e.id = $3 AND {_EVENTS}), 'null') || '}}}}'""",
    "Q2": _lite_list(
        "benchEvents",
        f"""SELECT json_object({_LITE_EIGHT}) AS o FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4
        ORDER BY e.happened_at DESC LIMIT 50""",
    ),
    "Q3": _lite_list(
        "benchEvents",
        f"""SELECT json_object('id', e.id, 'title', e.title, 'state', e.state, 'happenedAt', e.happened_at, 'reporter',
            json((SELECT json_object('id', p.id, 'name', {_LITE_NAME}, 'phone', {_LITE_PHONE}, 'sex', p.sex)
            FROM bench_person p WHERE p.id = e.reporter_id AND {_PEOPLE}))) AS o
        FROM bench_event e WHERE {_EVENTS} AND e.division = $3 AND e.state = $4 ORDER BY e.happened_at DESC LIMIT 20""",
    ),
    "Q4": _lite_list(
        "benchPeople",
        f"""SELECT json_object('id', p.id, 'name', {_LITE_NAME}, 'events', json_object('nodes',
            json((SELECT '[' || coalesce(group_concat(o), '') || ']' FROM
            (SELECT json_object('id', e.id, 'title', e.title, 'state', e.state, 'happenedAt', e.happened_at, 'score', e.score) AS o
            FROM bench_event e WHERE e.reporter_id = p.id AND {_EVENTS} ORDER BY e.happened_at DESC LIMIT 5))))) AS o
        FROM bench_person p WHERE {_PEOPLE} AND p.division = $3 AND p.number > $4 ORDER BY p.number LIMIT 20""",
    ),
}
#: In SQLite "$1" is a name; "?1" is a number.
SQLITE: Final = {name: sql.replace("$", "?") for name, sql in _SQLITE.items()}
