"""Text to tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path as File
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput

from core.expr.tree import Binary, Call, Choice, Exists, Expr, ExprError, Items, Literal, Logic, Me, Path, Unary

LENGTH_MAX_CHARS = 2000
DEPTH_MAX = 30
INT64_MAX = 2**63 - 1
_ESCAPE = re.compile(r"""\\(u[0-9a-fA-F]{4}|[nrt"'\\])|\\(.)""")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t"}


def _depth(offset: int, *parts: Expr) -> int:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > DEPTH_MAX:
        raise ExprError(f"表达式的嵌套超过 {DEPTH_MAX} 层", offset)
    return depth


class _Builder(Transformer[Token, Expr]):
    """Called bottom-up by the parser itself, so that no depth of input can exhaust the stack."""

    def choice(self, parts: list[Expr]) -> Expr:
        at = parts[0].offset
        return Choice(*parts, offset=at, depth=_depth(at, *parts))

    def any(self, parts: list[Expr]) -> Expr:
        return Logic("||", tuple(parts), offset=parts[0].offset, depth=_depth(parts[0].offset, *parts))

    def all(self, parts: list[Expr]) -> Expr:
        return Logic("&&", tuple(parts), offset=parts[0].offset, depth=_depth(parts[0].offset, *parts))

    def binary(self, parts: list[Any]) -> Expr:
        left, sign, right = parts
        return Binary(str(sign), left, right, offset=left.offset, depth=_depth(left.offset, left, right))

    def unary(self, parts: list[Any]) -> Expr:
        sign, operand = parts
        at = _at(sign)
        if sign == "-" and isinstance(operand, Literal) and type(operand.value) in (int, Decimal):
            return Literal(-operand.value, offset=at)  # type: ignore[operator]  # a number by the line above
        if sign == "+":
            raise ExprError("正号多余", at)
        return Unary(str(sign), operand, offset=at, depth=_depth(at, operand))

    def name(self, parts: list[Token]) -> Expr:
        return Path((str(parts[0]),), offset=_at(parts[0]))

    def member(self, parts: list[Any]) -> Expr:
        owner, name = parts
        if isinstance(owner, Path):
            if owner.names == ("me",):
                return Me(str(name), offset=owner.offset)
            return Path((*owner.names, str(name)), offset=owner.offset)
        raise ExprError(f"“.{name}” 只能跟在字段名之后", _at(name))

    def arguments(self, parts: list[Expr]) -> Any:
        return tuple(parts)

    def call(self, parts: list[Any]) -> Expr:
        return _call(parts[0], parts[1], _at(parts[0]))

    def method(self, parts: list[Any]) -> Expr:
        owner, name, arguments = parts
        if str(name) == "exists":
            return _exists(owner, arguments, _at(name))
        return _call(name, (owner, *arguments), owner.offset)

    def items(self, parts: list[Any]) -> Expr:
        bracket, items = parts
        return Items(items, offset=_at(bracket), depth=_depth(_at(bracket), *items))

    def integer(self, parts: list[Token]) -> Expr:
        return Literal(_small(int(str(parts[0])), _at(parts[0])), offset=_at(parts[0]))

    def decimal(self, parts: list[Token]) -> Expr:
        value = Decimal(str(parts[0]))
        _small(int(str(parts[0]).replace(".", "")), _at(parts[0]))
        return Literal(value, offset=_at(parts[0]))

    def string(self, parts: list[Token]) -> Expr:
        return Literal(_unescape(str(parts[0])[1:-1], _at(parts[0])), offset=_at(parts[0]))

    def true(self, parts: list[Token]) -> Expr:
        return Literal(True, offset=_at(parts[0]))

    def false(self, parts: list[Token]) -> Expr:
        return Literal(False, offset=_at(parts[0]))

    def null(self, parts: list[Token]) -> Expr:
        return Literal(None, offset=_at(parts[0]))


def _at(token: Token) -> int:
    return token.start_pos or 0


def _small(value: int, offset: int) -> int:
    if value > INT64_MAX:
        raise ExprError("数太大，超出 64 位整数", offset)
    return value


def _unescape(body: str, offset: int) -> str:
    def plain(match: re.Match[str]) -> str:
        known, unknown = match.groups()
        if unknown is not None:
            raise ExprError(f"不认识的转义 \\{unknown}", offset)
        return chr(int(known[1:], 16)) if known[0] == "u" else _PLAIN.get(known, known)

    text = _ESCAPE.sub(plain, body)
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise ExprError("文字含有空字符或不完整的字符", offset)
    return text


def _call(name: Token, arguments: Sequence[Expr], offset: int) -> Expr:
    """`date("…")` and `timestamp("…")` of a text are literals: a wrong day is found when the manifest is read."""
    if len(arguments) == 1 and isinstance(arguments[0], Literal) and isinstance(arguments[0].value, str):
        text = arguments[0].value
        if name == "date":
            return Literal(_date(text, offset), offset=offset)
        if name == "timestamp":
            return Literal(_instant(text, offset), offset=offset)
    return Call(str(name), tuple(arguments), offset=offset, depth=_depth(offset, *arguments))


def _exists(owner: Expr, arguments: Sequence[Expr], offset: int) -> Expr:
    match owner, *arguments:
        case Path(names=path), Path(names=(variable,)), condition:
            return Exists(path, variable, condition, offset=owner.offset, depth=_depth(owner.offset, condition))
    raise ExprError("exists 写作 反向字段.exists(x, 对 x 的条件)", offset)


def _date(text: str, offset: int) -> date:
    if re.fullmatch(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ExprError("应为日期，如 date('2026-11-22')", offset)


def _instant(text: str, offset: int) -> datetime:
    pattern = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{3})?(Z|[+-][0-9]{2}:[0-9]{2})"
    if re.fullmatch(pattern, text, re.ASCII):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise ExprError("应为带时区的时间，如 timestamp('2026-11-22T08:00:00+08:00')", offset)


_PARSER = Lark(
    File(__file__).with_name("grammar.lark").read_text("utf-8"),
    parser="lalr",
    lexer="contextual",
    transformer=_Builder(),
    maybe_placeholders=False,
)


#: What other languages write.
_MEANT = {"=": "==", "“": '"', "”": '"', "（": "(", "）": ")", "，": ",", "&": "&&", "|": "||"}


@lru_cache(maxsize=4096)
def parse(source: str) -> Expr:
    """Read one expression; ExprError says what is wrong and where."""
    if len(source) > LENGTH_MAX_CHARS:
        raise ExprError(f"表达式超过 {LENGTH_MAX_CHARS} 个字符", LENGTH_MAX_CHARS)
    try:
        tree: Any = _PARSER.parse(source)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        instead = f"；写成 {_MEANT[source[at]]}" if source[at] in _MEANT else ""
        raise ExprError(f"不认识的字符 {source[at]!r}{instead}", at) from None
    except UnexpectedInput as error:
        raise _syntax_error(source, error) from None
    return tree  # type: ignore[no-any-return]  # the transformer's result


def _syntax_error(source: str, error: UnexpectedInput) -> ExprError:
    token = getattr(error, "token", None)
    if token is None or token.type == "$END":
        return ExprError("表达式没有写完" if source.strip() else "表达式是空的", len(source))
    hint = {"and": "：“并且”写作 &&", "or": "：“或者”写作 ||", "not": "：“不”写作 !"}.get(str(token), "")
    return ExprError(f"这里不该出现 {str(token)!r}{hint}", _at(token))
