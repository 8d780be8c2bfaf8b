"""YAML text to a Document. Reads events, never more than it needs: a hostile file is refused before it grows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from tongban_sdk.problems import Place, Problem

from core.manifest.document import Document, Node
from core.manifest.findings import error, shown
from core.manifest.scalars import read_plain

#: Deeper is no manifest; libyaml's own time grows with the square of the depth.
DEPTH_MAX = 30
#: Values after writing out every alias: more than any hand-written megabyte, far less than a bomb.
WEIGHT_MAX = 200_000
TEXT_CHARS_PER_WEIGHT = 64
#: What libyaml says most often.
_SAID = {
    "could not find expected ':'": "这里应有一个冒号",
    "did not find expected ',' or '}'": "大括号里缺少逗号，或大括号没有闭合",
    "did not find expected ',' or ']'": "方括号里缺少逗号，或方括号没有闭合",
    "did not find expected '-' indicator": "列表的一项应以“- ”开头，并与上一项对齐",
    "did not find expected node content": "这里缺少一个值；以 # 开头的值要加引号",
    "did not find expected key": "这里应是一个键，并与上一个键对齐",
    "found character that cannot start any token": "这个字符不能开头",
    "found unexpected end of stream": "引号没有闭合",
    "mapping values are not allowed in this context": "这里不能再有冒号",
}


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read_yaml(data: bytes, name: str, file: str) -> tuple[Document | None, list[Problem]]:
    """Read one file. No Document when it cannot be understood as a whole."""
    problems: list[Problem] = []
    try:
        root = _Builder(_decode(data, file), file, problems).document()
    except _Refused as refused:
        return None, [*problems, refused.problem]
    return Document(name, file, root), problems


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        column = err.start - (data.rfind(b"\n", 0, err.start) + 1) + 1
        place = Place(file, line, column)
        raise _Refused(error("yaml.encoding", place, "文件不是 UTF-8 编码", "用 UTF-8 重新保存")) from None


class _Builder:
    """One pass over the events of libyaml, with anchors, limits and places."""

    def __init__(self, text: str, file: str, problems: list[Problem]) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.anchors: dict[str, Node] = {}
        self.events = self._events()

    def document(self) -> Node:
        next(self.events)
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            self._refuse("yaml.empty", event, "文件是空的", "写上内容，或删去这个文件")
        root = self._node(next(self.events), 0)
        next(self.events)
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse("yaml.documents", event, "一个文件里有多个 YAML 文档", "删去 --- 之后的内容，或分成几个文件")
        return root

    def _events(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self.text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as err:
            mark = err.problem_mark or err.context_mark
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
            said = _SAID.get(str(err.problem), err.problem)
            raise _Refused(error("yaml.syntax", place, f"YAML 语法有误：{said}", self._hint(place))) from None
        except yaml.reader.ReaderError as err:
            place = self._place_at(int(err.position))
            raise _Refused(error("yaml.character", place, "含有 YAML 不允许的控制字符", "删去这个字符")) from None

    def _hint(self, place: Place) -> str:
        """The parser often stumbles one line after the mistake."""
        lines = dict(enumerate(self.text.splitlines(), start=1))
        line = lines.get(place.line, "")
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return "缩进只用空格，不用制表符"
        for number in (place.line, place.line - 1):
            if re.match(r"[\s{-]*[\w-]+：", lines.get(number, "")):
                return f"第 {number} 行用了全角冒号“：”，改成半角冒号加一个空格"
        return "检查缩进、冒号后的空格和引号"

    def _place_at(self, position: int) -> Place:
        before = self.text[:position]
        return Place(self.file, before.count("\n") + 1, position - before.rfind("\n"))

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > DEPTH_MAX:
            self._refuse("yaml.depth", event, f"嵌套超过 {DEPTH_MAX} 层", "清单不需要这样深的结构")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and event.tag != "!":  # type: ignore[attr-defined]  # every node event has a tag
            self._report("yaml.tag", event, "清单不用类型标签（!…）", "删去标签，直接写值")
        node = self._content(event, depth)
        self._check_weight(node, event)
        if event.anchor is not None:  # type: ignore[attr-defined]  # every node event has an anchor
            self.anchors[event.anchor] = node  # type: ignore[attr-defined]  # same
        return node

    def _content(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            self._refuse(
                "yaml.alias-unknown", event, f"别名 *{shown(event.anchor)} 没有可用的定义", "别名之前要有完整的锚点"
            )
        return self.anchors[event.anchor]

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        value: Any = event.value
        if event.implicit[0]:
            try:
                value = read_plain(event.value)
            except ValueError:
                self._report("yaml.number", event, f"数字 {shown(event.value)} 无法准确表达", "需要原样保留时加引号")
        if "\0" in event.value:
            self._report("yaml.character", event, "含有空字符（NUL）", "删去 \\0")
        return _at(event, value, 1 + len(event.value) // TEXT_CHARS_PER_WEIGHT)

    def _sequence(self, event: yaml.Event, depth: int) -> Node:
        node = _at(event, [], 1)
        while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
            child = self._node(item, depth + 1)
            node.children[len(node.value)] = child
            node.value.append(child.value)
            node.weight += child.weight
            self._check_weight(node, item)
        return node

    def _mapping(self, event: yaml.Event, depth: int) -> Node:
        node = _at(event, {}, 1)
        while not isinstance(item := next(self.events), yaml.MappingEndEvent):
            key = self._key(item, node, depth)
            child = self._node(next(self.events), depth + 1)
            node.weight += child.weight + 1
            self._check_weight(node, item)
            if key is not None:
                node.children[key] = child
                node.value[key] = child.value
                node.keys[key] = _start(item)
        return node

    def _key(self, event: yaml.Event, mapping: Node, depth: int) -> str | None:
        """The key, or None when it cannot be one; its value is then read and dropped."""
        key = self._node(event, depth + 1).value
        if not isinstance(key, str):
            self._report("yaml.key-type", event, f"键 {shown(key)} 不是文字", "给键加上引号")
        elif key == "<<":
            self._report("yaml.merge-key", event, "清单不用合并键 <<", "把内容直接写出来")
        elif key in mapping.keys:
            line, _ = mapping.keys[key]
            self._report("yaml.duplicate-key", event, f"键 {shown(key)} 重复，第 {line} 行已有", "删去其中一个")
        else:
            return key
        return None

    def _check_weight(self, node: Node, event: yaml.Event) -> None:
        if node.weight > WEIGHT_MAX:
            self._refuse(
                "yaml.too-large", event, f"展开别名后超过 {WEIGHT_MAX} 个值", "不要用层层嵌套的别名；大表放进 CSV"
            )

    def _report(self, id: str, event: yaml.Event, message: str, hint: str) -> None:
        self.problems.append(error(id, Place(self.file, *_start(event)), message, hint))

    def _refuse(self, id: str, event: yaml.Event, message: str, hint: str) -> NoReturn:
        raise _Refused(error(id, Place(self.file, *_start(event)), message, hint))


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _at(event: yaml.Event, value: Any, weight: int) -> Node:
    return Node(value, *_start(event), weight)
