"""The values of literal expressions: what a ``default`` or a ``description`` says.

Source: HCL native syntax specification, "Literal Values", "Collection Values", "Template Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from workers.catalogue.hcl import Expression, split
from workers.catalogue.tokens import Kind, Token
from workers.core.values import JsonValue


class Unknown(Enum):
    """What a value is that only Terraform can know."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

_KEYWORDS: Final[dict[str, JsonValue]] = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\(.)|(\$\$|%%)(?=\{)", re.DOTALL)
_TEMPLATE: Final = re.compile(r"(?<!\$)\$\{|(?<!%)%\{")
_HEREDOC: Final = re.compile(r"<<(-?)[^\n]*\n(.*?)[ \t]*[^\W\d][\w-]*\Z", re.DOTALL)


def literal(expression: Expression | None) -> JsonValue | Unknown:
    """The value of ``expression``; ``UNKNOWN`` where it, or a part of it, is no literal. None gives None."""
    return None if expression is None else value_of(expression.tokens)


def text(expression: Expression | None) -> str:
    """The string that ``expression`` says; empty where it says none that can be known."""
    value = literal(expression)
    return value if isinstance(value, str) else ""


def truth(expression: Expression | None, *, default: bool) -> bool:
    """The boolean that ``expression`` says, ``"true"`` included, as Terraform converts it."""
    value = literal(expression)
    return {True: True, False: False, "true": True, "false": False}.get(value, default) if _is_flag(value) else default


def _is_flag(value: JsonValue | Unknown) -> bool:
    return isinstance(value, bool | str)


def value_of(tokens: Sequence[Token]) -> JsonValue | Unknown:
    """The value of the expression that ``tokens`` form."""
    while tokens and tokens[0].kind is Kind.NEWLINE:
        tokens = tokens[1:]
    while tokens and tokens[-1].kind is Kind.NEWLINE:
        tokens = tokens[:-1]
    if len(tokens) == 1:
        return _scalar(tokens[0])
    if len(tokens) == 2 and tokens[0].text == "-" and tokens[1].kind is Kind.NUMBER:  # noqa: PLR2004
        return _negative(_number(tokens[1].text))
    match _bracketed(tokens):
        case "[":
            return _all([value_of(item) for item in split(tokens)])
        case "{":
            return _object(tokens)
        case "(":
            return value_of(tokens[1:-1])
    return UNKNOWN


def entries(tokens: Sequence[Token]) -> list[tuple[str, list[Token]]] | None:
    """The keys of an object constructor with the tokens of their values; None where it is none."""
    if _bracketed(tokens) != "{":
        return None
    found = []
    for item in split(tokens):
        at = next((i for i, t in enumerate(item) if t.text in ("=", ":")), 0)
        key = _key(item[:at])
        if key is None or at + 1 == len(item):
            return None
        found.append((key, item[at + 1 :]))
    return found


def _bracketed(tokens: Sequence[Token]) -> str:
    """The opening bracket where the first token is one and the last token closes that very one."""
    if len(tokens) < 2 or tokens[0].text not in ("(", "[", "{"):  # noqa: PLR2004
        return ""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind is Kind.PUNCTUATION:
            depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if not depth:
            return tokens[0].text if index == len(tokens) - 1 else ""
    return ""


def _scalar(token: Token) -> JsonValue | Unknown:
    match token.kind:
        case Kind.NUMBER:
            return _number(token.text)
        case Kind.STRING:
            return _string(token.text[1:-1])
        case Kind.HEREDOC:
            return _heredoc(token.text)
    return _KEYWORDS.get(token.text, UNKNOWN)


def _number(digits: str) -> JsonValue:
    value = float(digits)
    if digits.isdigit():
        return int(digits)
    return int(value) if value.is_integer() else value


def _negative(value: JsonValue) -> JsonValue:
    return -value if isinstance(value, int | float) else value


def _string(inner: str) -> JsonValue | Unknown:
    return UNKNOWN if _TEMPLATE.search(inner) else _ESCAPE.sub(_unescape, inner)


def _unescape(match: re.Match[str]) -> str:
    short, long, single, doubled = match.groups()
    if doubled:
        return str(doubled[0])
    if single is not None:
        return _ESCAPES.get(single, match.group())
    return chr(min(int(short or long, 16), 0x10FFFF))


def _heredoc(written: str) -> JsonValue | Unknown:
    match = _HEREDOC.fullmatch(written)
    if match is None or _TEMPLATE.search(match[2]):
        return UNKNOWN
    content = match[2].replace("$${", "${").replace("%%{", "%{")
    if not match[1]:
        return content
    lines = content.splitlines(keepends=True)
    indent = min((len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()), default=0)
    return "".join(line[indent:] if line.strip() else line.lstrip(" \t") for line in lines)


def _object(tokens: Sequence[Token]) -> JsonValue | Unknown:
    found = entries(tokens)
    if found is None:
        return UNKNOWN
    values = {key: value_of(value) for key, value in found}
    known = {key: value for key, value in values.items() if not isinstance(value, Unknown)}
    return known if len(known) == len(values) else UNKNOWN


def _all(values: list[JsonValue | Unknown]) -> JsonValue | Unknown:
    known = [value for value in values if not isinstance(value, Unknown)]
    return known if len(known) == len(values) else UNKNOWN


def _key(tokens: Sequence[Token]) -> str | None:
    if len(tokens) != 1:
        return None
    if tokens[0].kind is Kind.IDENTIFIER:
        return tokens[0].text
    value = _scalar(tokens[0])
    if isinstance(value, str):
        return value
    return tokens[0].text if tokens[0].kind is Kind.NUMBER else None
