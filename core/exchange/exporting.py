"""Rows as a CSV file: what the caller sees of them in a list, masks included. L4 never leaves this way."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, BinaryIO

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, PermissionDeniedError, TooLargeError

from core.access import AccessModel
from core.exchange.cells import cell_of, titles_of
from core.exchange.columns import fields_of_files, heading_of
from core.fields import all_fields
from core.fields.base import Field
from core.fields.places import Point
from core.fields.refs import Ref
from core.fields.sealed import is_text
from core.manifest.model import Entity, World
from core.read import Reader, export_rows
from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Sources:
    """What an export needs of a running host."""

    database: Database
    world: World
    access: AccessModel
    reader: Reader


@dataclass(frozen=True, slots=True)
class _Column:
    field: Field
    heading: str
    #: What is selected of it in GraphQL, and where its value stands in the answer.
    selection: str
    path: tuple[str, ...]
    #: Code → title.
    names: Mapping[str, str]


async def export_csv(
    sources: Sources, actor: Actor, entity: Entity, made: BinaryIO, *, fields: Sequence[str] = (),
    where: Mapping[str, Any] | None = None, max_rows: int | None = None,
) -> int:  # fmt: skip
    """Write the rows the actor sees, close the file, and return how many; by default all columns a file may fill.

    UTF-8 with a mark and CRLF, as spreadsheets expect it.
    """
    columns = [_column(field, entity, sources, actor) for field in _chosen(sources, actor, entity, fields)]
    rows, selection = 0, [column.selection for column in columns]
    with TextIOWrapper(made, "utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.heading for column in columns])
        async for row in export_rows(sources.reader, sources.database, actor, entity, selection, where=where):
            rows += 1
            if max_rows is not None and rows > max_rows:
                raise TooLargeError(f"一次至多导出 {max_rows} 行", hint="请缩小筛选范围，或由管理员用 export 命令导出")
            writer.writerow([cell_of(column.field, _at(row, column.path), column.names) for column in columns])
    return rows


def _chosen(sources: Sources, actor: Actor, entity: Entity, names: Sequence[str]) -> list[Field]:
    rules = sources.access.rules(actor.roles, entity.key, "read")
    if not rules:
        raise PermissionDeniedError(f"没有查看{entity.title}的权限")
    seen = {n: f for n, f in all_fields(entity).items() if any(n in rule.fields for rule in rules)}
    if not names:
        return [f for n, f in seen.items() if n in fields_of_files(entity) and f.level != "L4"]
    by_name = {f.graphql_name: f for f in seen.values()} | seen
    if unknown := [name for name in names if name not in by_name]:
        problems = [
            InputProblem(("fields", name), "没有这个字段，或无权查看", "export.field-unknown") for name in unknown
        ]
        raise InvalidInputError("选择的字段有误", problems)
    chosen = [by_name[name] for name in dict.fromkeys(names)]
    if secret := [field.title for field in chosen if field.level == "L4"]:
        raise PermissionDeniedError(
            f"敏感个人信息不能导出：{'、'.join(secret)}", hint="只能经批准的数据交换提供（写明目的、接收方、字段）"
        )
    return chosen


def _column(field: Field, entity: Entity, sources: Sources, actor: Actor) -> _Column:
    heading = heading_of(field, entity)
    name = field.graphql_name
    names = {code: title for title, code in titles_of(field, sources.world).items()}
    if isinstance(field, Point):
        return _Column(field, heading, f"{name} {{ lng lat }}", (name,), names)
    if not isinstance(field, Ref):
        return _Column(field, heading, name, (name,), names)
    if key := _public_key(sources, actor, sources.world.entities[field.to]):
        return _Column(field, heading, f"{name} {{ {key} }}", (name, key), names)
    return _Column(field, heading, f"{name}Id", (f"{name}Id",), names)


def _public_key(sources: Sources, actor: Actor, target: Entity) -> str:
    """A unit is known by its code; a person by nothing that may stand in a file about somebody else."""
    rules = sources.access.rules(actor.roles, target.key, "read")
    for name, field in target.fields.items():
        is_open = bool(rules) and all(name in rule.fields for rule in rules)
        if field.unique and is_open and is_text(field) and not isinstance(field, Ref) and field.level in ("L1", "L2"):
            return field.graphql_name
    return ""


def _at(row: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = row
    for step in path:
        value = value[step] if value is not None else None
    return value
