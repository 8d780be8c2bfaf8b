"""Patterns of manifests must mean the same and stay fast everywhere: here, in the generated form, in another client."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

# The parser of Python's own `re`: there is no other access to the tree of a pattern.
_parser: Any = importlib.import_module("re._parser")
#: A repeat that may run longer than this counts as endless.
SHORT_REPEAT = 10
_CLASS = re.compile(r"\\[pP]")


def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Why a pattern is refused (kind, Chinese sentence), or None."""
    if _CLASS.search(pattern.replace("\\\\", "")):
        return "unicode", "\\p{…} 不是处处可用；列出所需的字符范围，如 [一-鿿]"
    try:
        # As the engine of values will: linear time, so no look-around and no back references.
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
        tree = _parser.parse(pattern)
    except (ValueError, re.error, RecursionError, OverflowError):
        return "invalid", "正则表达式有误，或用了回溯才能匹配的写法（环视、反向引用）"
    if any(_explodes(body) for body in _endless(tree)):
        return "backtracking", "重复之中又有重复，如 (a+)+，浏览器里会极慢；改写成单层重复"
    return None


def _explodes(body: Any) -> bool:
    """The body of an endless repeat that can match the same text in two ways, as far as its shape tells."""
    return any(True for _ in _endless(body)) or any(_is_branch(node) for node in _nodes(body))


def _endless(tree: Any) -> Iterator[Any]:
    for operator, argument in _nodes(tree):
        if str(operator) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[1] > SHORT_REPEAT:
            yield argument[2]


def _is_branch(node: tuple[Any, Any]) -> bool:
    operator, argument = node
    # Parts that begin differently are folded by the parser into a common prefix or a class; what is left may overlap.
    return str(operator) == "BRANCH" and not _disjoint(argument[1])


def _disjoint(parts: Any) -> bool:
    """Every part begins with another literal."""
    heads = [part[0] if len(part) else None for part in parts]
    letters = [head[1] for head in heads if head is not None and str(head[0]) == "LITERAL"]
    return len(letters) == len(heads) == len(set(letters))


def _nodes(tree: Any) -> Iterator[tuple[Any, Any]]:
    for node in tree:
        yield node
        yield from _nodes(_inside(node))


def _inside(node: tuple[Any, Any]) -> list[Any]:
    operator, argument = node
    match str(operator):
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return list(argument[2])
        case "SUBPATTERN":
            return list(argument[3])
        case "BRANCH":
            return [node for part in argument[1] for node in part]
        case "ATOMIC_GROUP":
            return list(argument)
        case _:
            return []
