"""HCL's tokens: enough of them to find blocks, arguments, literals and type expressions.

Source: the HCL native syntax specification, github.com/hashicorp/hcl, hclsyntax/spec.md. Strings and heredocs are one
token each, whatever templates they hold: what is inside a template never has to be understood here.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from workers.catalogue.source import Source


class Kind(StrEnum):
    """The kinds of token; comments and blanks are dropped."""

    IDENTIFIER = "identifier"
    NUMBER = "number"
    STRING = "string"
    HEREDOC = "heredoc"
    NEWLINE = "newline"
    PUNCTUATION = "punctuation"


class Token(NamedTuple):
    """A token as written, and where it starts."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The position behind it."""
        return self.start + len(self.text)


# Only single characters have possessive quantifiers: on groups Python before 3.11.5 gets them wrong
# (github.com/python/cpython/issues/106052). The alternatives exclude each other, so nothing is tried twice.
_COMMENT: Final = r"\#[^\n]*+|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*\*/"
_BLANK: Final = rf"(?P<blank>(?:[ \t\r]++|{_COMMENT})+)"
_IN_QUOTES: Final = r"""(?:[^"\\$%\n]++|\\[^\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*"""
_SIMPLE: Final = rf"""\"{_IN_QUOTES}\""""
_TEXTS: Final = rf"""(?P<string>{_SIMPLE})
    |(?P<template>")
    |(?P<heredoc><<-?[^\W\d][\w-]*+[ \t]*\n)
    |(?P<newline>\n)"""
_TOKEN: Final = re.compile(
    rf"""{_BLANK}
    |(?P<identifier>[^\W\d][\w-]*+)
    |(?P<number>\d++(?:\.\d++)?(?:[eE][+-]?\d++)?)
    |{_TEXTS}
    |(?P<punctuation>[=!<>]=|&&|\|\||=>|\.\.\.|::|/(?!\*)|[{{}}()\[\],.:=+\-*%?<>!])
    """,
    re.VERBOSE,
)
_INERT: Final = rf"""[\w.,:=+*%?>!&|\-\ \t\r]++|/(?![/*])|<(?!<)|{_COMMENT}|{_SIMPLE}"""
_OTHER: Final = rf"{_TEXTS}|(?P<punctuation>[{{}}()\[\]])"
_COARSE: Final = {
    True: re.compile(rf"(?P<inert>(?:{_INERT})+)|{_OTHER}", re.VERBOSE),
    False: re.compile(rf"(?P<inert>(?:{_INERT}|\n)+)|{_OTHER}", re.VERBOSE),
}
_ARGUMENT: Final = re.compile(rf"(?:[ \t\r\n]++|{_COMMENT})*(?P<name>[^\W\d][\w-]*+)[ \t]*+=(?!=)", re.VERBOSE)
_QUOTED: Final = re.compile(_IN_QUOTES)
_KINDS: Final = {kind.value: kind for kind in Kind}
_MAX_DEPTH: Final = 100


def tokenize(source: Source, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of a part of a file, newlines included, which end arguments.

    Raises:
        SourceError: a string, heredoc or comment that does not end, or a character that HCL does not know.
    """
    tokens: list[Token] = []
    position, end = start, len(source.text) if end is None else end
    while position < end:
        token, position = scan(source, position)
        if token is not None:
            tokens.append(token)
    return tokens


def scan(source: Source, position: int, depth: int = 0) -> tuple[Token | None, int]:
    """The token at ``position`` and the position behind it; None for blanks and comments."""
    return _token(source, position, _TOKEN.match(source.text, position), depth)


def scan_coarsely(
    source: Source, position: int, depth: int = 0, *, newlines_count: bool = False
) -> tuple[Token | None, int]:
    """As ``scan``, but a run of all that opens and closes nothing is passed over as one.

    Finds the end of an expression, about ten times faster. ``newlines_count``: a newline is a token.
    """
    return _token(source, position, _COARSE[newlines_count].match(source.text, position), depth)


def argument(source: Source, position: int) -> tuple[Token, int] | None:
    """The name in ``name =`` if that comes next, and the position behind it."""
    match = _ARGUMENT.match(source.text, position)
    return (Token(Kind.IDENTIFIER, match["name"], match.start("name")), match.end()) if match else None


def _token(source: Source, position: int, match: re.Match[str] | None, depth: int) -> tuple[Token | None, int]:
    if match is None:
        raise source.error(position, _unknown(source.text, position))
    group = match.lastgroup or ""
    if group in ("blank", "inert"):
        return None, match.end()
    if group == "template":
        end = _string_end(source, position, depth)
        return Token(Kind.STRING, source.text[position:end], position), end
    if group == "heredoc":
        end = _heredoc_end(source, match)
        return Token(Kind.HEREDOC, source.text[position:end], position), end
    return Token(_KINDS[group], match.group(), position), match.end()


def _unknown(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "a comment that is not closed by */."
    return f"{text[position]!r} does not belong here."


def _string_end(source: Source, start: int, depth: int) -> int:
    """The position behind the quoted template that starts at ``start``."""
    position = start + 1
    while True:
        match = _QUOTED.match(source.text, position)
        position = match.end() if match else position
        if source.text.startswith('"', position):
            return position + 1
        if not source.text.startswith(("${", "%{"), position):
            raise source.error(start, "a text in quotes that is not closed on its line.")
        position = _interpolation_end(source, position + 2, depth + 1)


def _interpolation_end(source: Source, start: int, depth: int) -> int:
    """The position behind the ``}`` that closes the ``${`` or ``%{`` before ``start``."""
    if depth > _MAX_DEPTH:
        raise source.error(start, "templates nested too deeply.")
    position, braces = start, 0
    if source.text.startswith("~", position):
        position += 1
    while position < len(source.text):
        if source.text.startswith("~}", position):
            position += 1
        token, position = scan_coarsely(source, position, depth)
        if token is None or token.kind is not Kind.PUNCTUATION:
            continue
        braces += {"{": 1, "}": -1}.get(token.text, 0)
        if braces < 0:
            return position
    raise source.error(start, "a template sequence that is not closed by }.")


def _heredoc_end(source: Source, opening: re.Match[str]) -> int:
    marker = opening.group().strip().lstrip("<").removeprefix("-")
    closing = re.compile(rf"^[ \t]*{re.escape(marker)}(?=[ \t]*$)", re.MULTILINE)
    match = closing.search(source.text, opening.end())
    if match is None:
        raise source.error(opening.start(), f"a heredoc whose closing line {marker} is missing.")
    return match.end()
