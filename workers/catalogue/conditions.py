"""``validation`` conditions that can be decided here with certainty; all others are left to Terraform.

Understood: literals, the variable itself and its attributes, ``contains``, ``length``, ``can(regex(…))``,
``startswith``, ``endswith``, ``floor``, comparisons, ``!``, ``&&``, ``||``, ``?:`` and parentheses.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from workers.catalogue.hcl import split
from workers.catalogue.literals import UNKNOWN, Unknown, value_of
from workers.catalogue.patterns import searches
from workers.catalogue.source import Source, SourceError
from workers.catalogue.tokens import Kind, Token, tokenize
from workers.core.values import JsonValue

Value = JsonValue | Unknown
_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}


def holds(condition: str, variable: str, value: JsonValue) -> bool | None:
    """Whether the condition holds for this value of the variable; None where only Terraform can tell."""
    tokens = _tokens(condition)
    result = _evaluate(tokens, variable, value) if tokens else UNKNOWN
    return result if isinstance(result, bool) else None


def allowed_values(condition: str, variable: str) -> tuple[JsonValue, ...]:
    """The list in ``contains([…], var.x)``, also beside other demands or where null is excepted; else empty."""
    for demand in _demands(_tokens(condition), variable):
        call = _call(demand, "contains")
        if len(call) == 2 and _is_variable(call[1], variable):  # noqa: PLR2004
            values = value_of(call[0])
            return tuple(values) if isinstance(values, list) else ()
    return ()


def pattern(condition: str, variable: str) -> str:
    """The text in ``can(regex("…", var.x))``, also beside other demands or where null is excepted; else empty."""
    for demand in _demands(_tokens(condition), variable):
        inner = _call(demand, "can")
        call = _call(inner[0], "regex") if len(inner) == 1 else []
        if len(call) == 2 and _is_variable(call[1], variable):  # noqa: PLR2004
            found = value_of(call[0])
            return found if isinstance(found, str) else ""
    return ""


@lru_cache(maxsize=4096)
def _tokens(condition: str) -> tuple[Token, ...]:
    try:
        tokens = tokenize(Source(Path("condition"), condition))
    except SourceError:
        return ()
    return tuple(token for token in tokens if token.kind is not Kind.NEWLINE)


def _demands(tokens: Sequence[Token], variable: str) -> list[Sequence[Token]]:
    """What every value but null has to meet: the parts between ``&&``."""
    inner = _bare(_without_null_check(_bare(tokens), variable))
    return _split_at(inner, "&&") if len(_split_at(inner, "||", "?")) == 1 else []


def _bare(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without brackets around it all."""
    while len(tokens) > 2 and tokens[0].text == "(" and _closing(tokens, 0) == len(tokens) - 1:  # noqa: PLR2004
        tokens = tokens[1:-1]
    return tokens


def _without_null_check(tokens: Sequence[Token], variable: str) -> Sequence[Token]:
    """What is left of ``var.x == null || …``, ``var.x == null ? true : …`` and ``var.x != null ? … : true``."""
    null = ["var", ".", variable, "==", "null"]
    cut = _split_at(tokens, "||", "?", ":")
    parts = [[token.text for token in part] for part in cut]
    if parts[0] == null and (len(cut) == 2 or (len(cut) == 3 and parts[1] == ["true"])):  # noqa: PLR2004
        return cut[-1]
    if len(cut) == 3 and parts[0] == [*null[:3], "!=", "null"] and parts[2] == ["true"]:  # noqa: PLR2004
        return cut[1]
    return tokens


def _is_variable(tokens: Sequence[Token], variable: str) -> bool:
    return [token.text for token in tokens] == ["var", ".", variable]


def _call(tokens: Sequence[Token], function: str) -> list[list[Token]]:
    """The arguments where ``tokens`` are one call of that function."""
    if len(tokens) > 2 and tokens[0].text == function and _closing(tokens, 1) == len(tokens) - 1:  # noqa: PLR2004
        return split(tokens[1:])
    return []


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """Index of the bracket that closes the one at ``opening``; -1 where there is none."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind is Kind.PUNCTUATION:
            depth += (tokens[index].text in _PAIRS) - (tokens[index].text in _PAIRS.values())
        if not depth:
            return index
    return -1


def _split_at(tokens: Sequence[Token], *operators: str) -> list[Sequence[Token]]:
    """The parts between these operators outside brackets."""
    parts, start, depth = [], 0, 0
    for index, token in enumerate(tokens):
        if token.kind is not Kind.PUNCTUATION:
            continue
        depth += (token.text in _PAIRS) - (token.text in _PAIRS.values())
        if not depth and token.text in operators:
            parts.append(tokens[start:index])
            start = index + 1
    return [*parts, tokens[start:]]


def _evaluate(tokens: Sequence[Token], variable: str, value: JsonValue) -> Value:
    """Three-valued: what is not understood is UNKNOWN and stays so unless the rest decides."""

    def part(inner: Sequence[Token]) -> Value:
        return _evaluate(inner, variable, value) if inner else UNKNOWN

    if len(_split_at(tokens, "?")) > 1:
        return _conditional(tokens, part)
    if len(parts := _split_at(tokens, "||")) > 1:
        return _any([part(p) for p in parts])
    if len(parts := _split_at(tokens, "&&")) > 1:
        negated = _any([_not(part(p)) for p in parts])
        return _not(negated)
    for sign, compare in _COMPARISONS.items():
        if len(parts := _split_at(tokens, sign)) == 2:  # noqa: PLR2004
            return compare(part(parts[0]), part(parts[1]))
    if tokens[0].text == "!":
        return _not(part(tokens[1:]))
    if tokens[0].text == "(" and _closing(tokens, 0) == len(tokens) - 1:
        return part(tokens[1:-1])
    return _operand(tokens, variable, value, part)


def _conditional(tokens: Sequence[Token], part: Callable[[Sequence[Token]], Value]) -> Value:
    """``a ? b : c``; nested ones are not taken apart."""
    condition, *rest = _split_at(tokens, "?")
    branches = _split_at(rest[0], ":")
    if len(rest) != 1 or len(branches) != 2:  # noqa: PLR2004
        return UNKNOWN
    decided = part(condition)
    return part(branches[0] if decided else branches[1]) if isinstance(decided, bool) else UNKNOWN


def _operand(
    tokens: Sequence[Token], variable: str, value: JsonValue, part: Callable[[Sequence[Token]], Value]
) -> Value:
    texts = [token.text for token in tokens]
    if texts[:3] == ["var", ".", variable]:
        return _attribute(value, texts[3:])
    for name, function in _FUNCTIONS.items():
        if arguments := _call(tokens, name):
            return function([part(argument) for argument in arguments])
    if inner := _call(tokens, "can"):
        return _matches(inner[0], part)
    return value_of(tokens)


def _attribute(value: JsonValue, path: list[str]) -> Value:
    """``.a.b`` of the value; what an object leaves out may have a default, so it is not known."""
    for dot, name in zip(path[::2], path[1::2], strict=False):
        if dot != "." or not isinstance(value, dict) or name not in value:
            return UNKNOWN
        value = value[name]
    return UNKNOWN if len(path) % 2 else value


def _matches(tokens: Sequence[Token], part: Callable[[Sequence[Token]], Value]) -> Value:
    arguments = [part(argument) for argument in _call(tokens, "regex")]
    match arguments:
        case [str(expression), str(subject)]:
            found = searches(expression, subject)
            return UNKNOWN if found is None else found
    return UNKNOWN


def _any(values: list[Value]) -> Value:
    if any(value is True for value in values):
        return True
    return False if all(value is False for value in values) else UNKNOWN


def _not(value: Value) -> Value:
    return not value if isinstance(value, bool) else UNKNOWN


def _equal(left: Value, right: Value) -> Value:
    """Scalars of the same kind, and null; Terraform's equality of collections depends on their types."""
    if left is None or right is None:
        return UNKNOWN if UNKNOWN in (left, right) else left is right
    same_kind = _kind(left) == _kind(right) and not isinstance(left, list | dict | Unknown)
    return left == right if same_kind else UNKNOWN


def _kind(value: Value) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _ordered(left: Value, right: Value, order: Callable[[float, float], bool]) -> Value:
    if _kind(left) == _kind(right) == "number":
        return order(left, right)  # type: ignore[arg-type]
    return UNKNOWN


def _length(arguments: list[Value]) -> Value:
    match arguments:
        case [list(items)]:
            return len(items)
        case [dict(entries)]:
            return len(entries)
        case [str(text)] if text.isascii() and "\r" not in text:
            return len(text)  # Terraform counts grapheme clusters: the same only here
    return UNKNOWN


def _contains(arguments: list[Value]) -> Value:
    match arguments:
        case [list(items), wanted]:
            return _any([_equal(item, wanted) for item in items]) if items else False
    return UNKNOWN


def _startswith(arguments: list[Value]) -> Value:
    match arguments:
        case [str(text), str(start)]:
            return text.startswith(start)
    return UNKNOWN


def _endswith(arguments: list[Value]) -> Value:
    match arguments:
        case [str(text), str(end)]:
            return text.endswith(end)
    return UNKNOWN


def _floor(arguments: list[Value]) -> Value:
    match arguments:
        case [int(number) | float(number)] if not isinstance(number, bool):
            return int(number // 1)
    return UNKNOWN


_FUNCTIONS: Final[dict[str, Callable[[list[Value]], Value]]] = {
    "contains": _contains,
    "length": _length,
    "startswith": _startswith,
    "endswith": _endswith,
    "floor": _floor,
}
_COMPARISONS: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "==": _equal,
    "!=": lambda left, right: _not(_equal(left, right)),
    "<": lambda left, right: _ordered(left, right, operator.lt),
    "<=": lambda left, right: _ordered(left, right, operator.le),
    ">": lambda left, right: _ordered(left, right, operator.gt),
    ">=": lambda left, right: _ordered(left, right, operator.ge),
}
