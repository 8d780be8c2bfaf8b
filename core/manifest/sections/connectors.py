"""connectors.yaml or connectors/*.yaml: what is exchanged with which outside system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tongban_sdk.problems import Place

from core.expr import Expr, ExprError, check_types, parse
from core.expr.tree import Literal
from core.fields.json_schema import problems_of
from core.manifest.connector_checks import check_connectors
from core.manifest.connectors import Connector, Following, Opening, Operation
from core.manifest.definitions import full_key
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import check_caller
from core.manifest.findings import did_you_mean, shown
from core.manifest.message_shape import names_of
from core.manifest.patterns import pattern_fault
from core.manifest.schema_fault import schema_fault
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

Spec = Mapping[str, Any]
Path = tuple[str | int, ...]
#: Keys that only one direction has.
_ONLY = {"out": ("response", "timeout_s", "tries", "on_failure", "examples"), "in": ("open", "act")}


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Connector]:
    found: dict[str, Connector] = {}
    for document in documents:
        for id, spec in document.entries("connectors"):
            place = document.key_place("connectors", id)
            if id in found:
                message = f"连接器 {id} 已在 {found[id].place.file} 声明"
                draft.error("connector.duplicate", place, message, "换一个名字")
            reader = _Reader(document, draft, ("connectors", id, "operations"))
            found[id] = Connector(
                plugin_id=draft.plugin.id,
                id=id,
                title=spec["title"],
                system=spec["system"],
                level_max=spec["level_max"],
                operations={name: reader.operation(name, one) for name, one in spec["operations"].items()},
                place=place,
                signature=spec.get("signature", "hmac-sm3"),
            )
    return found


class _Reader:
    """The operations of one connector."""

    def __init__(self, document: Document, draft: Draft, path: Path) -> None:
        self._document, self._draft, self._path = document, draft, path

    def operation(self, id: str, spec: Spec) -> Operation:
        path = (*self._path, id)
        self._check_shape(spec, path)
        is_sound = self._check_schemas(spec, path)
        if is_sound:
            self._check_number(spec, path)
            self._check_examples(spec, path)
        if "on_failure" in spec:
            check_staff_role(spec["on_failure"], self._place(*path, "on_failure"), self._draft)
        return Operation(
            id=id,
            title=spec["title"],
            direction=spec["direction"],
            request=spec["request"],
            place=self._document.key_place(*path),
            response=spec.get("response", {}),
            timeout_s=spec.get("timeout_s", 10.0),
            tries=spec.get("tries", 6),
            on_failure=spec.get("on_failure", ""),
            examples=tuple(spec.get("examples", ())),
            number=spec.get("number", ""),
            opening=self._opening(spec, path) if "open" in spec and is_sound else None,
            following=self._following(spec, path) if "act" in spec and is_sound else None,
        )

    def _place(self, *path: str | int) -> Place:
        return self._document.place(*path)

    def _refuse(self, id: str, message: str, hint: str, *path: str | int) -> None:
        self._draft.error(id, self._place(*path), message, hint)

    def _check_shape(self, spec: Spec, path: Path) -> None:
        direction = spec["direction"]
        other = "in" if direction == "out" else "out"
        for key in _ONLY[other]:
            if key in spec:
                place = self._document.key_place(*path, key)
                self._draft.error(
                    "connector.shape", place, f"direction: {direction} 的操作不写 {key}", f"删去 {key}，或改 direction"
                )
        if direction == "out" and "response" not in spec:
            self._refuse("connector.shape", "发出去的操作没有写答复", "写上 response", *path)
        if direction == "in" and ("number" not in spec or ("open" in spec) == ("act" in spec)):
            message = "收进来的操作要写 number，以及 open、act 中的一个"
            self._refuse("connector.shape", message, "写上对方的编号是哪一项，和收到以后做什么", *path)
        if "open" in spec and (("service" in spec["open"]) == ("services" in spec["open"])):
            self._refuse("connector.shape", "open 写且只写 service、services 中的一个", "删去一个", *path, "open")
        for key, many in (("open", "services"), ("act", "actions")):
            if many in spec.get(key, {}) and "by" not in spec[key]:
                self._refuse("connector.shape", f"写了 {many}，没有写 by", "写上按报文的哪一项分", *path, key)

    def _check_schemas(self, spec: Spec, path: Path) -> bool:
        sound = [self._check_schema(spec[key], (*path, key)) for key in ("request", "response") if key in spec]
        return all(sound)

    def _check_schema(self, schema: Spec, path: Path) -> bool:
        fault = schema_fault(schema) or next(
            (found[1] for text in _patterns(schema) if (found := pattern_fault(text))), ""
        )
        if fault:
            self._refuse("connector.schema", fault, "写成 type: object 的 JSON Schema（2020-12）", *path)
        return not fault

    def _check_number(self, spec: Spec, path: Path) -> None:
        key = "request" if spec["direction"] == "in" else "response"
        name, schema = spec.get("number", ""), spec.get(key, {})
        if name and (str(names_of(schema).get(name)) != "文字" or name not in schema.get("required", ())):
            message = f"编号 {shown(name)} 应是 {key} 里必有的文字"
            self._refuse("connector.number", message, did_you_mean(name, schema.get("required", ())), *path, "number")

    def _check_examples(self, spec: Spec, path: Path) -> None:
        for i, example in enumerate(spec.get("examples", ())):
            for problem in problems_of(spec.get("response", {}), example["response"], "response"):
                where = ".".join(map(str, problem.path))
                self._refuse(
                    "connector.example", f"例子的 {where}：{problem.message}", "改正例子", *path, "examples", i
                )

    def _opening(self, spec: Spec, path: Path) -> Opening:
        part, here = spec["open"], (*path, "open")
        names = names_of(spec["request"])
        self._known(part, ("by", "division"), names, here)
        given = part.get("services") or {"": part["service"]}
        return Opening(
            services={value: full_key(key, self._draft.plugin.id) for value, key in given.items()},
            by=part.get("by", ""),
            values=self._values(part["values"], spec["request"], (*here, "values")),
            division=part.get("division", ""),
            channel=part.get("channel", "system"),
        )

    def _following(self, spec: Spec, path: Path) -> Following:
        part, here = spec["act"], (*path, "act")
        self._known(part, ("number", "by"), names_of(spec["request"]), here)
        return Following(
            of=part["of"],
            number=part["number"],
            by=part.get("by", ""),
            actions=part.get("actions") or ({"": part["action"]} if "action" in part else {}),
            values=self._values(part.get("values", {}), spec["request"], (*here, "values")),
        )

    def _known(self, part: Spec, keys: Sequence[str], names: Mapping[str, Any], path: Path) -> None:
        for key in keys:
            if key in part and str(names.get(part[key])) != "文字":
                message = f"{key}：报文里没有文字 {shown(part[key])}"
                self._refuse("connector.number", message, did_you_mean(part[key], names), *path, key)

    def _values(self, sources: Mapping[str, str], schema: Spec, path: Path) -> dict[str, Expr]:
        return {name: self._value(source, schema, (*path, name)) for name, source in sources.items()}

    def _value(self, source: str, schema: Spec, path: Path) -> Expr:
        names = names_of(schema)
        try:
            expr = parse(source)
            check_types(expr, names)
        except ExprError as fault:
            kind, _, name = fault.message.partition(" ")
            hint = did_you_mean(name, names) if kind == "没有字段" else "写法见 docs/expressions.md"
            self._refuse("expr.invalid", f"表达式有误：{fault}", hint, *path)
            return Literal(None)
        check_caller(expr, self._place(*path), self._draft)
        return expr


def _patterns(schema: Any) -> list[str]:
    """Every regular expression in a schema, wherever it stands."""
    if isinstance(schema, Mapping):
        own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
        return own + [text for part in schema.values() for text in _patterns(part)]
    return [text for part in schema for text in _patterns(part)] if isinstance(schema, list) else []


SECTION = Section(
    "connectors",
    ("connectors.yaml", "connectors/*.yaml"),
    "connectors.schema.json",
    build,
    units=("connectors",),
    after=("plugin",),
    check=check_connectors,
)
