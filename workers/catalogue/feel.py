"""FEEL expressions as far as they are literals: what can be known of a mapping before the process runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[A-Za-z_]\w*|\S)')
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_MOST: Final = 20_000
_DEEPEST: Final = 50


@dataclass(frozen=True)
class Unknown:
    """A value that only the running process knows."""


UNKNOWN: Final = Unknown()

Value = str | float | bool | None | Unknown | list["Value"] | dict[str, "Value"]


def known_value(source: str) -> Value:
    """The value of a mapping's source: text as it stands, or a literal; ``UNKNOWN`` inside it where it is not one."""
    if not source.startswith("="):
        return source
    text = source[1:].strip()
    if len(text) > _MOST:
        return UNKNOWN
    tokens = _TOKEN.findall(text)
    value, rest = _value(tokens, 0, 0)
    return value if rest == len(tokens) else UNKNOWN


def _value(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    """The value that starts at a token, and the token after it; an unknown one reaches to the next comma or bracket."""
    end = _end(tokens, at)
    first = tokens[at] if at < end else ""
    if depth < _DEEPEST and first in ("[", "{") and _closing(tokens, at) == end - 1:
        read = _list if first == "[" else _object
        return read(tokens, at + 1, depth + 1), end
    return (_scalar(first) if end - at == 1 else UNKNOWN), end


def _scalar(token: str) -> Value:
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if token[:1] in '"-0123456789' and token not in ("-", '"'):
        try:
            value: str | float = json.loads(token, strict=False)
        except ValueError:
            return UNKNOWN
        return value
    return UNKNOWN


def _list(tokens: list[str], at: int, depth: int) -> Value:
    found: list[Value] = []
    while at < len(tokens) and tokens[at] != "]":
        value, at = _value(tokens, at, depth)
        found.append(value)
        at += at < len(tokens) and tokens[at] == ","
    return found


def _object(tokens: list[str], at: int, depth: int) -> Value:
    found: dict[str, Value] = {}
    while at + 1 < len(tokens) and tokens[at] != "}":
        if tokens[at + 1] != ":":
            return UNKNOWN
        key = tokens[at].strip('"')
        found[key], at = _value(tokens, at + 2, depth)
        at += at < len(tokens) and tokens[at] == ","
    return found


def _end(tokens: list[str], at: int) -> int:
    """Where the expression that starts here ends: at a comma or a bracket that is not its own."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += _step(tokens[index])
        if depth < 0 or (tokens[index] == "," and depth == 0):
            return index
    return len(tokens)


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    for index in range(at, len(tokens)):
        depth += _step(tokens[index])
        if depth == 0:
            return index
    return -1


def _step(token: str) -> int:
    return (token in ("(", "[", "{")) - (token in (")", "]", "}"))
