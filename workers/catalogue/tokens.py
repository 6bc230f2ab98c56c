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


_TOKEN: Final = re.compile(
    r"""(?P<blank>(?:[ \t\r]++|\#[^\n]*+|//[^\n]*+|/\*(?s:.*?)\*/)++)
    |(?P<newline>\n)
    |(?P<identifier>[^\W\d][\w-]*+)
    |(?P<number>\d++(?:\.\d++)?(?:[eE][+-]?\d++)?)
    |(?P<string>"(?:[^"\\$%\n]++|\\[^\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*+")
    |(?P<template>")
    |(?P<heredoc><<-?[^\W\d][\w-]*+[ \t]*\n)
    |(?P<punctuation>[=!<>]=|&&|\|\||=>|\.\.\.|::|[{}()\[\],.:=+\-*/%?<>!])
    """,
    re.VERBOSE,
)
_IN_QUOTES: Final = re.compile(r'(?:[^"\\$%\n]++|\\[^\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*+')
_KINDS: Final = {kind.value: kind for kind in Kind}
_MAX_DEPTH: Final = 100


def tokenize(source: Source) -> list[Token]:
    """The tokens of a file, newlines included, which end arguments.

    Raises:
        SourceError: a string, heredoc or comment that does not end, or a character that HCL does not know.
    """
    tokens: list[Token] = []
    position, length = 0, len(source.text)
    while position < length:
        token = _next(source, position, 0)
        if token is not None:
            tokens.append(token)
            position = token.end
        else:
            position = _blank_end(source, position)
    return tokens


def _blank_end(source: Source, position: int) -> int:
    match = _TOKEN.match(source.text, position)
    assert match is not None  # noqa: S101 - _next has matched it already
    return match.end()


def _next(source: Source, position: int, depth: int) -> Token | None:
    """The token at ``position``; None where there is only blank space or a comment."""
    match = _TOKEN.match(source.text, position)
    if match is None:
        raise source.error(position, _unknown(source.text, position))
    group = match.lastgroup or ""
    if group == "blank":
        return None
    if group == "template":
        end = _string_end(source, position, depth)
        return Token(Kind.STRING, source.text[position:end], position)
    if group == "heredoc":
        end = _heredoc_end(source, match)
        return Token(Kind.HEREDOC, source.text[position:end], position)
    return Token(_KINDS[group], match.group(), position)


def _unknown(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "a comment that is not closed by */."
    return f"{text[position]!r} does not belong here."


def _string_end(source: Source, start: int, depth: int) -> int:
    """The position behind the quoted template that starts at ``start``."""
    position = start + 1
    while True:
        match = _IN_QUOTES.match(source.text, position)
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
        token = _next(source, position, depth)
        position = token.end if token else _blank_end(source, position)
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
